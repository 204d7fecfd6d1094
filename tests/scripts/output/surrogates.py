import sys

print("a\ud800b")
print("c\udc80d", file=sys.stderr)
