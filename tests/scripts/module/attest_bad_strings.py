_result = []
for text in ("\ud800", "nul \0 inside"):
    try:
        attest([text], ["p"], ["c"])
        _result.append("accepted")
    except ValueError as error:
        _result.append("ValueError" if str(error) else "no text")
