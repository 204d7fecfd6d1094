import atexit
import threading


def late():
    threading.Thread(target=print, args=("late",)).start()


atexit.register(late)
_result = "ended"
