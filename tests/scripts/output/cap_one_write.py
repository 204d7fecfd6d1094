import sys

sys.stderr.write("a" + "x" * 5_000_000 + "z")
