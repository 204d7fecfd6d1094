import sys


class Broken:
    def write(self, text):
        raise OSError("broken stream")

    def flush(self):
        raise OSError("broken flush")


sys.stdout = Broken()
_result = "fine"
