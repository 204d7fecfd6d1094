import signal
import time

try:
    signal.setitimer(signal.ITIMER_REAL, 0.01)
except PermissionError as error:
    _result = [type(error).__name__, bool(str(error))]
time.sleep(0.05)
print("the host lives")
