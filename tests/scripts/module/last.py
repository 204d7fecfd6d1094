import qntx

nothing = qntx.last(["absent"])
for n in range(3):
    qntx.attest(["s", f"s:{n}"], ["p"], ["c"], ["me"], {"n": n})
newest = last(["s"])
_result = [
    nothing,
    newest["attributes"],
    sorted(newest),
    last(contexts=["c"], subjects=["s:0"])["attributes"],
    last(["s"], ["other"]),
    last(actors=["me"])["attributes"],
    last()["attributes"],
    last(None, None, None, None)["attributes"],
]
