import _thread
import time

try:
    _thread.interrupt_main()
except PermissionError as error:
    _result = [type(error).__name__, bool(str(error))]
time.sleep(0.05)
print("the host lives")
