print("working ... ", end="")
raise ValueError
