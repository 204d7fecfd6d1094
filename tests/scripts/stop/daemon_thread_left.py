import threading
import time

try:
    threading.Thread(target=time.sleep, args=(9,), daemon=True).start()
except RuntimeError as error:
    print(error)
_result = "ended"
