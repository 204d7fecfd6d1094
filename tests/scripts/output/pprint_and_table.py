from pprint import pprint

pprint({"b": [1, 2], "a": None})
