import sys

print("to stdout", 1, 2, sep="-", end="!\n")
print("to stderr", file=sys.stderr)
print()
