_result = [None, True, False, 0, -1, 1.5, 0.1, 1e308, 5e-324, "", "text", 1.0]
