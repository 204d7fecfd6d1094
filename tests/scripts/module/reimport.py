import importlib
import sys

import qntx

first = qntx.attest
del sys.modules["qntx"]
import qntx

_result = qntx.attest(["s"], ["p"], ["c"])["subjects"]
