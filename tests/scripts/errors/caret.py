data = {"a": {"b": None}}
data["a"]["b"]["c"]
