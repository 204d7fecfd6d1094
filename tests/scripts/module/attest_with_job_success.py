import qntx

for n in range(3):
    attest([f"s:{n}"], ["p"], ["c"])
_result = [len(qntx.query(predicates=["p"])), qntx.last(["s:1"])["predicates"]]
