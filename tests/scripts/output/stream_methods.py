import io
import sys

written = sys.stdout.write("four")
sys.stdout.writelines(["a", "b", "\n"])
sys.stdout.flush()
facts = [
    written,
    sys.stdout.isatty(),
    sys.stdout.writable(),
    sys.stdout.readable(),
    sys.stdout.seekable(),
    sys.stdout.closed,
    sys.stdout.encoding.lower().replace("_", "-"),
    isinstance(sys.stdout, io.TextIOBase),
]
try:
    sys.stdout.fileno()
except io.UnsupportedOperation:
    facts.append("no fileno")
try:
    sys.stdout.write(b"bytes")
except TypeError as error:
    facts.append(str(error))
_result = facts
