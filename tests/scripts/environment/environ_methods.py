import os

os.environ["QPY_A"] = "1"
os.environ.setdefault("QPY_B", "2")
copy = dict(os.environ)
del os.environ["QPY_A"]
gone = os.environ.get("QPY_A")
os.environ.pop("QPY_B")
errors = []
for value in (5, None):
    try:
        os.environ["QPY_C"] = value
    except TypeError as error:
        errors.append(str(error))
_result = [copy["QPY_A"], copy["QPY_B"], gone, os.environb.get(b"QPY_B"), errors, os.path.expanduser("~") != "~" or "HOME" not in os.environ]
