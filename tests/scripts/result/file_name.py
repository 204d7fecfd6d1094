_result = __file__
