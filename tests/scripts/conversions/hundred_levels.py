_result = 0
for _ in range(90):
    _result = [_result]
