import threading


def work():
    raise ValueError("in the thread")


thread = threading.Thread(target=work, name="worker-7")
thread.start()
thread.join()
_result = "main went on"
