from qntx import log, progress

calls = [lambda: progress("x"), lambda: progress(), lambda: progress(1, "y"), lambda: log(5), lambda: log("m", "loud"), lambda: progress(1.5)]
_result = []
for call in calls:
    try:
        call()
        _result.append("accepted")
    except (TypeError, ValueError) as error:
        _result.append(type(error).__name__)
