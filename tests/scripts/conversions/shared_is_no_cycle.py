part = {"x": 1}
_result = [part, part, {"again": part}]
