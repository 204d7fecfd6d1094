import sys

_result = [sys.stdin.read(), sys.stdin.readline(), list(sys.stdin), sys.stdin.isatty()]
