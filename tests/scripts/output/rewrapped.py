import codecs
import io
import sys

sys.stdout = keep = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", line_buffering=True)
print("é")
sys.stdout.flush()
sys.stdout = codecs.getwriter("utf-8")(sys.__stdout__.buffer)
print("𝄞")
sys.__stdout__.buffer.writelines([b"bytes", b"\n"])
_result = "fine"
