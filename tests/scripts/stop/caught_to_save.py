import time

import qntx

try:
    time.sleep(60)
except qntx.JobTimeout as stop:
    print("saving:", type(stop).__name__, qntx.cancelled())
    attest(["s"], ["saved"], ["c"])
    raise
