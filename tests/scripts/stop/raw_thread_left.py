import _thread
import time

_thread.start_new_thread(time.sleep, (9,))
_result = "ended"
