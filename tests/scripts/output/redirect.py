import contextlib
import io

text = io.StringIO()
with contextlib.redirect_stdout(text):
    print("inside")
print("outside")
_result = text.getvalue()
