import qntx

calls = [
    lambda: attest("abc", ["p"], ["c"]),
    lambda: attest(["s"], "p", ["c"]),
    lambda: attest(["a", 1], ["p"], ["c"]),
    lambda: attest(["s"], ["p"], [None]),
    lambda: attest({"s"}, ["p"], ["c"]),
    lambda: attest(None, ["p"], ["c"]),
    lambda: attest(["s"], ["p"], ["c"], attributes=[1]),
    lambda: attest(["s"], ["p"], ["c"], attributes="text"),
    lambda: attest(["s"], ["p"], ["c"], actors=b"me"),
    lambda: attest([], ["p"], ["c"]),
    lambda: attest(["s"]),
    lambda: attest(["s"], ["p"], context=["c"]),
    lambda: attest(["s"], ["p"], ["c"], attributes={1: "x"}),
]
_result = []
for call in calls:
    try:
        call()
        _result.append("accepted")
    except Exception as error:
        _result.append(f"{type(error).__name__}: {error}")
