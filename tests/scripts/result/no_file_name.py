_result = "__file__" in globals()
