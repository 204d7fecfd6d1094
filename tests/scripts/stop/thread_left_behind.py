import threading
import time


def work():
    time.sleep(0.2)
    print("thread done")
    attest(["s"], ["p"], ["c"])


threading.Thread(target=work).start()
print("main done")
