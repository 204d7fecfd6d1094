import time

attest(["s"], ["p"], ["c"])
time.sleep(60)
