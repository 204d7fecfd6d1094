_result = [type(upstream).__name__, upstream and upstream["subjects"], upstream and upstream["attributes"]["n"]]
