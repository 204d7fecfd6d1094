_result = 0
for _ in range(5000):
    _result = [_result]
