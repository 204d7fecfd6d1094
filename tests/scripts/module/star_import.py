from qntx import *

_result = callable(query) and callable(sleep)
