attest(["s"], ["before"], ["c"])
raise ValueError("afterwards")
