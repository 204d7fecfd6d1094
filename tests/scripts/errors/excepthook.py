import sys

sys.excepthook = lambda *error: print("hook was called")
raise ValueError("plain")
