import sys

import __main__

value = 5


class Thing:
    pass


_result = [__name__, __main__.value, sys.modules["__main__"] is __main__, Thing.__module__]
