import atexit

atexit.register(print, "goodbye")
_result = "fine"
