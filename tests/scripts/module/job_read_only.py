import qntx

_result = []
for name in ("id", "input", "deadline", "unknown"):
    try:
        setattr(qntx.job, name, "changed")
        _result.append("changed " + name)
    except (AttributeError, TypeError) as error:
        _result.append("refused")
