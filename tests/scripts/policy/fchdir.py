import os
import time

try:
    os.fchdir(os.open("/", os.O_RDONLY))
except PermissionError as error:
    _result = [type(error).__name__, bool(str(error))]
time.sleep(0.05)
print("the host lives")
