import sys

_result = "kept"
sys.exit(0)
