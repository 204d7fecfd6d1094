import os
import signal
import time

try:
    signal.pidfd_send_signal(os.pidfd_open(os.getpid()), signal.SIGTERM)
except PermissionError as error:
    _result = [type(error).__name__, bool(str(error))]
time.sleep(0.05)
print("the host lives")
