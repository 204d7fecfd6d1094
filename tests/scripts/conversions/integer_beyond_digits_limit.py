_result = 10**5000
