import sys

sys.exit("cannot go on: no input")
