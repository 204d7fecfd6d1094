try:
    x = bytearray(1 << 62)
except MemoryError:
    _result = "went on"
