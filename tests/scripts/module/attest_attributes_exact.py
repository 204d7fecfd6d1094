import qntx

attributes = {
    "small": 1,
    "beyond 2**53": 2**53 + 1,
    "beyond 64 bit": 2**64,
    "big": -(10**30),
    "float": 0.1,
    "whole float": 3.0,
    "tiny": 5e-324,
    "huge": 1.7976931348623157e308,
    "true": True,
    "none": None,
    "text": "é𝄞 \0 \u2028 \"quoted\"",
    "nested": {"list": [1, [2.5, {"deep": False}]], "empty": {}, "": "empty key"},
}
stored = qntx.attest(["s"], ["p"], ["c"], attributes=attributes)["attributes"]
read = qntx.last(["s"])["attributes"]
_result = [
    name
    for name in attributes
    for where in (stored, read)
    if repr(where.get(name)) != repr(attributes[name])
]
