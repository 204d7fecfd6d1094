import sys

_result = sys.path[:2]
