_result = upstream is None
