import qntx

name = "Ünïcode 𝄞 \"quoted\" \\ %_' \n"
qntx.attest([name], [name], [name], [name])
found = qntx.last([name], [name], [name], [name])
_result = [found["subjects"] == [name], found["actors"] == [name], qntx.last(["%"]), qntx.last(["nïcode"])]
