values = {"a": 1}

print(values["b"])
