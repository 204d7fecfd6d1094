import os
import time

try:
    os.closerange(3, 100)
except PermissionError as error:
    _result = [type(error).__name__, bool(str(error))]
time.sleep(0.05)
print("the host lives")
