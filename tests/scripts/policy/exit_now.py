import os
import time

try:
    os._exit(3)
except PermissionError as error:
    _result = [type(error).__name__, bool(str(error))]
time.sleep(0.05)
print("the host lives")
