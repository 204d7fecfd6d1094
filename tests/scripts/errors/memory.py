x = bytearray(1 << 62)
