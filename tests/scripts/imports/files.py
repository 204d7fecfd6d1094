import json
import pathlib
import tempfile

with tempfile.TemporaryDirectory() as directory:
    path = pathlib.Path(directory, "é.json")
    path.write_text(json.dumps({"a": "é"}))
    _result = [json.loads(path.read_text()), path.read_bytes().decode("utf-8")]
