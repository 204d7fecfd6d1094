import sys

for byte in "é𝄞".encode():
    sys.stdout.buffer.write(bytes([byte]))
    sys.stdout.buffer.flush()
