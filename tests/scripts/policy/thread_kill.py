import signal
import threading
import time

try:
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
except PermissionError as error:
    _result = [type(error).__name__, bool(str(error))]
time.sleep(0.05)
print("the host lives")
