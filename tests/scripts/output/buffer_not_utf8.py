import sys

sys.stdout.buffer.write(b"a\xff\xfeb\n")
sys.stdout.buffer.flush()
_result = "sound"
