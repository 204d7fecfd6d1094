"""What is wrong before a script starts: each time a clear error that names the value, and no harm."""

import json
import tempfile
import time
from pathlib import Path

from run import compare, ensure

GOOD = {"id": "good", "script_code": "_result = 'fine'"}
MIB = 1024 * 1024


def refused(qntxpy, line, *words):
    """A batch line is refused as an invalid payload whose text has the words; the next one runs."""
    results = qntxpy.batch([line, GOOD])
    compare("fine", results.pop("good")["result"], "the job after a bad one")
    (result,) = results.values()
    compare(False, result["success"], "success")
    compare("payload", result["error_kind"], "error_kind")
    for word in words:
        compare({"$contains": word}, result["error"], "error")


def usage_error(qntxpy, arguments, *words, statuses=(2,), **options):
    """A call ends with status 2 and a message on stderr (or in the JSON result) with the words."""
    done = qntxpy(*arguments, **options)
    ensure(
        done.returncode in statuses, f"exit status {done.returncode}\n{done.stdout}\n{done.stderr}"
    )
    for word in words:
        compare({"$contains": word}, done.stderr + done.stdout, "message")


def script_file(directory, contents):
    path = Path(directory, "script.py")
    path.write_bytes(contents)
    return path


# ---- Payloads ----------------------------------------------------------------------------------


def test_not_json(qntxpy):
    refused(qntxpy, b"not valid json", "invalid payload")


def test_cut_json(qntxpy):
    refused(qntxpy, b'{"script_code": "print(1)"', "invalid payload")


def test_text_after_json(qntxpy):
    refused(qntxpy, b'{"script_code": "print(1)"} tail', "invalid payload")


def test_not_an_object(qntxpy):
    for line in (b"[1]", b'"text"', b"5"):
        refused(qntxpy, line, "invalid payload")


def test_null_payload(qntxpy):
    refused(qntxpy, b"null", "invalid payload: script_code is required")


def test_no_code(qntxpy):
    for payload in ({}, {"script_type": "x", "input": []}, {"script_code": ""}):
        refused(qntxpy, payload, "invalid payload: script_code is required")


def test_code_under_other_names(qntxpy):
    payloads = [{"id": name, name: f"_result = {name!r}"} for name in ("code", "content")]
    for name, result in qntxpy.batch(payloads).items():
        compare(name, result["result"], "result")


def test_nul_in_code(qntxpy):
    refused(qntxpy, {"script_code": "print(1)\0print(2)"}, "nul", "8")


def test_wrong_types(qntxpy):
    for field, value in {
        "script_code": 5,
        "script_type": [1],
        "timeout_secs": "soon",
        "capture_variables": "yes",
        "python_paths": "/tmp",
        "env": ["A=1"],
        "glyph_id": 7,
        "attest": True,
    }.items():
        refused(qntxpy, {"script_code": "pass", **{field: value}}, "invalid payload", field)


def test_wrong_values(qntxpy):
    for field, value in {
        "timeout_secs": 0,
        "attest": "sometimes",
        "python_paths": [1],
        "env": {"A": 1},
    }.items():
        refused(qntxpy, {"script_code": "pass", **{field: value}}, "invalid payload", field)
    refused(qntxpy, {"script_code": "pass", "timeout_secs": -1}, "timeout_secs", "-1")
    refused(qntxpy, {"script_code": "pass", "env": {"A=B": "1"}}, "env", "A=B")


def test_null_means_absent(qntxpy):
    fields = "script_type timeout_secs capture_variables python_paths env glyph_id attest".split()
    payload = {"id": 1, "script_code": "_result = 1", **dict.fromkeys(fields)}
    (result,) = qntxpy.batch([payload]).values()
    compare(1, result["result"], f"result of {result['error']}")


def test_invalid_utf8_in_payload(qntxpy):
    refused(qntxpy, b'{"script_code": "print(\'\xff\xfe\')"}', "invalid payload", "UTF-8")


def test_surrogate_in_payload(qntxpy):
    results = qntxpy.batch([b'{"id": "odd", "script_code": "print(1) # \\ud800"}', GOOD])
    compare(True, results["good"]["success"], "the job after")


def test_deep_json(qntxpy):
    deep = b'{"script_code": "pass", "input": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    refused(qntxpy, deep, "invalid payload")


def test_large_numbers(qntxpy):
    line = b'{"id": "n", "script_code": "import qntx; _result = str(qntx.job.input)", "input": 1e999}'
    results = qntxpy.batch([line, GOOD])
    compare(True, results["good"]["success"], "the job after")
    compare({"$type": "bool"}, results["n"]["success"], "the job itself")


def test_huge_timeout(qntxpy):
    results = qntxpy.batch([{"id": "t", "script_code": "pass", "timeout_secs": 1e300}, GOOD])
    compare(True, results["good"]["success"], "the job after")


# ---- Files -------------------------------------------------------------------------------------


def test_no_such_file(qntxpy):
    usage_error(qntxpy, ["run", "/nonexistent/x.py"], "/nonexistent/x.py", "No such file")


def test_file_is_a_directory(qntxpy):
    usage_error(qntxpy, ["run", "/usr"], "/usr", "directory")


def test_empty_file(qntxpy):
    with tempfile.TemporaryDirectory() as directory:
        usage_error(qntxpy, ["run", script_file(directory, b"")], "script_code is required")


def test_nul_in_file(qntxpy):
    with tempfile.TemporaryDirectory() as directory:
        path = script_file(directory, b"print(1)\0")
        usage_error(qntxpy, ["run", path], "nul", "8")


def test_invalid_utf8_in_file(qntxpy):
    with tempfile.TemporaryDirectory() as directory:
        path = script_file(directory, b"print('ok')\nprint('\xff')\n")
        usage_error(qntxpy, ["run", path], "UTF-8")


def test_large_file(qntxpy):
    with tempfile.TemporaryDirectory() as directory:
        path = script_file(directory, b"# filler\n" * (50 * MIB // 9))
        start = time.monotonic()
        usage_error(qntxpy, ["run", path], "script", "limit")
        ensure(time.monotonic() - start < 20, "refusing a large script took too long")


def test_large_payload(qntxpy):
    code = "#" * (50 * MIB)
    results = qntxpy.batch([{"id": "large", "script_code": code}, GOOD])
    compare(False, results["large"]["success"], "success")
    compare({"$regex": "limit|larger|too large"}, results["large"]["error"], "error")
    compare("fine", results["good"]["result"], "the job after")


def test_large_result(qntxpy):
    code = "_result = 'x' * (40 * 1024 * 1024)"
    results = qntxpy.batch([{"id": "large", "script_code": code}, GOOD])
    ensure(len(json.dumps(results["large"])) < 34 * MIB, "the limit of the result was not kept")
    compare("fine", results["good"]["result"], "the job after")


# ---- Options -----------------------------------------------------------------------------------


def test_bad_options(qntxpy):
    code = ["--code", "pass"]
    for arguments, *words in [
        [[], "usage"],
        [["unknown-command"], "unknown-command"],
        [["run"], "usage"],
        [["run", "--no-such-option", *code], "--no-such-option"],
        [["run", "--input", "{bad", *code], "input", "{bad"],
        [["run", "--timeout", "soon", *code], "timeout", "soon"],
        [["run", "--timeout", "0", *code], "timeout", "0"],
        [["run", "--timeout", "-3", *code], "timeout", "-3"],
        [["run", "--env", "NOVALUE", *code], "env", "NOVALUE"],
        [["run", "--attest", "sometimes", *code], "attest", "sometimes"],
        [["run", "--gil", "banana", *code], "gil", "banana"],
        [["run", "--timeout"], "timeout"],
        [["batch", "--workers", "none"], "workers", "none"],
        [["batch", "/nonexistent/jobs"], "/nonexistent/jobs"],
        [["attestations"], "store"],
    ]:
        done = qntxpy(*arguments)
        compare(2, done.returncode, f"exit status of {arguments}\n{done.stderr}")
        for word in words:
            compare({"$contains": word.lower()}, done.stderr.lower(), f"message of {arguments}")
        compare("", done.stdout, f"stdout of {arguments}")
