_result = []
for contexts in (None, [], ()):
    try:
        attest(["s"], ["p"], contexts)
    except RuntimeError as error:
        _result.append(str(error))
