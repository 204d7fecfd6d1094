import qntx

_result = [
    attest is qntx.attest,
    last is qntx.last,
    sorted(name for name in globals() if not name.startswith("_") and name != "qntx"),
]
