import sys
import threading

thread = threading.Thread(target=lambda: sys.exit(9))
thread.start()
thread.join()
print("still here")
