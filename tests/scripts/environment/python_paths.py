import sys

import qpy_test_helper
from qpy_test_package import thing

_result = [qpy_test_helper.double(21), thing.NAME, sys.path.index(qpy_test_helper.__file__.rsplit("/", 1)[0])]
