from qntx import attest, query

attest(["a", "b"], ["likes"], ["x"], attributes={"n": 1})
attest(["c"], ["likes"], ["y"], attributes={"n": 2})
attest(["a"], ["Hates"], ["y"], attributes={"n": 3})


def numbers(*args, **kwargs):
    return [claim["attributes"]["n"] for claim in query(*args, **kwargs)]


_result = {
    "all": numbers(),
    "one subject": numbers(["a"]),
    "either subject": numbers(["b", "c"]),
    "and": numbers(["a"], ["likes"]),
    "and empty": numbers(["c"], ["hates"]),
    "any letter case": numbers(["A"], ["hATES"]),
    "part of a word": numbers(["like"], None),
    "contexts": numbers(contexts=["y"]),
    "limit": numbers(limit=2),
    "limit 0": numbers(limit=0),
    "empty list": numbers([]),
    "tuple": numbers(("c",)),
}
