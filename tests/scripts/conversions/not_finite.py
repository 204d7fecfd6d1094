_result = {"a": [float("nan"), float("inf"), float("-inf")], "b": 1.5}
