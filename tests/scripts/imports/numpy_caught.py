try:
    import numpy
except ImportError as error:
    _result = type(error).__name__
import json

print(json.dumps([1]))
