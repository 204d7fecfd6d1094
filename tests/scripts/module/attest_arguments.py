import qntx

by_position = qntx.attest(("s",), ["p"], ["c"], ["me"], {"n": 1})
by_name = attest(subjects=["s"], predicates=["p"], contexts=("c",), actors=["me"], attributes=None)
empty = attest(["s"], [], ["c"], [], {})
_result = [
    by_position["actors"],
    by_position["attributes"],
    by_name["subjects"] == by_position["subjects"],
    by_name["attributes"],
    empty["predicates"],
    empty["actors"] == [empty["id"]],
    by_position["id"] != by_name["id"],
]
