_result = {"answer": 42}
