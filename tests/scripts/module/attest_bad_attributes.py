loop = {}
loop["self"] = [loop]
deep = {}
for _ in range(10_000):
    deep = {"d": deep}
values = [
    {"a": {"b": [1.0, float("nan")]}},
    {"a": float("-inf")},
    loop,
    {"a": [{2: "x"}]},
    {"a": "\ud800"},
    deep,
]
_result = []
for value in values:
    try:
        attest(["s"], ["p"], ["c"], attributes=value)
        _result.append("accepted")
    except Exception as error:
        _result.append(f"{type(error).__name__}: {error}")
