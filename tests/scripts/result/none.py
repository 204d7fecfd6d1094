print("no result")
