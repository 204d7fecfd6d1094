import importlib.util

found = importlib.util.find_spec("numpy")
_result = found is None or found.name == "numpy"
