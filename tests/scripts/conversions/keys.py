_result = [{1: "int"}, {2.5: "float"}, {True: "bool"}, {None: "none"}, {(1, 2): "tuple"}, {b"k": "bytes"}]
