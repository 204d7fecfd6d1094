from qntx import last, query

calls = [
    lambda: query("s"),
    lambda: query([1]),
    lambda: query(since="yesterday"),
    lambda: query(limit="many"),
    lambda: query(limit=-1),
    lambda: query(["s"], ["p"], ["c"], ["a"], 5),
    lambda: last("s"),
    lambda: last(subject=["s"]),
]
_result = []
for call in calls:
    try:
        call()
        _result.append("accepted")
    except (TypeError, ValueError) as error:
        _result.append(f"{type(error).__name__}: {error}")
