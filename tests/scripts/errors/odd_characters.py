raise ValueError("a\ud800b\0c\x1b[31m é")
