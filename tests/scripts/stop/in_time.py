import time

time.sleep(0.2)
_result = "in time"
