import pathlib

import qpy_test_helper

_result = (pathlib.Path(qpy_test_helper.__file__).parent / "__pycache__").exists()
