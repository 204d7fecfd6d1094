_result = [attest(["s"], ["p"], ["c"])["actors"], attest(["s"], ["p"], ["c"], actors=["me"])["actors"]]
