"""The example scripts do what they say, on their sample input and on this machine's own."""

import json
import os
import tempfile
from pathlib import Path

from coded.stores import rows
from run import HERE, compare

EXAMPLES = HERE.parent.parent / "python" / "examples"
DPKG_STATUS = "/var/lib/dpkg/status"


def example(qntxpy, name, input_value, *arguments):
    words = ["--input", json.dumps(input_value)] if input_value is not None else []
    return qntxpy.run(*arguments, *words, EXAMPLES / f"{name}.py")


def test_ingest_packages_sample(qntxpy):
    sample = {"status_file": str(EXAMPLES / "input" / "dpkg-status")}
    result, status = example(qntxpy, "ingest_packages", sample)
    compare(0, status, f"exit status; {result['error']}")
    compare(
        {"$includes": {"packages": 3, "attestations": 7, "installed_size_kib": 12321}},
        result["result"],
        "result",
    )
    compare(7, result["attestations"]["count"], "attestations")


def test_ingest_packages_real(qntxpy):
    """Every package of this machine, both ways of storing: the same claims."""
    if not os.path.exists(DPKG_STATUS):
        return
    text = Path(DPKG_STATUS).read_text(encoding="utf-8", errors="replace")
    installed = sum(line.startswith("Status: ") and line.endswith(" installed") for line in text.splitlines())
    with tempfile.TemporaryDirectory() as directory:
        for way in ("immediate", "with_job"):
            path = os.path.join(directory, way + ".db")
            result, _ = example(qntxpy, "ingest_packages", None, "--store", path, "--attest", way)
            compare(True, result["success"], f"{way}: {result['error']}")
            compare(installed, result["result"]["packages"], f"{way}: packages")
            count = len(rows(path))
            compare(count, result["result"]["attestations"], f"{way}: attestations in the table")
            packages = rows(path, "SELECT count(*) FROM attestation_predicates WHERE predicate = 'installed'")
            compare([(installed,)], packages, f"{way}: installed")


def test_ingest_packages_missing_file(qntxpy):
    result, _ = example(qntxpy, "ingest_packages", {"status_file": "/nonexistent/status"})
    compare({"$contains": "/nonexistent/status"}, result["error_message"], "error_message")


def test_ingest_csv(qntxpy):
    result, _ = example(qntxpy, "ingest_csv", {"path": str(EXAMPLES / "input" / "sensors.csv")})
    compare(
        {
            "rows": 4,
            "columns": {
                "sensor": "text",
                "at": "datetime",
                "temperature": "float",
                "samples": "int",
                "indoors": "bool",
                "note": "text",
            },
        },
        result["result"],
        f"result; {result['error']}",
    )


def test_ingest_csv_bad(qntxpy):
    result, _ = example(qntxpy, "ingest_csv", {"text": "a,b\n1,2\n3\n"})
    compare("line 3: 1 values, but the header names 2", result["error_message"], "error_message")
    compare(0, result["attestations"]["count"], "attestations")


def test_webhook(qntxpy):
    """A second delivery of the same event adds nothing."""
    event = json.loads((EXAMPLES / "input" / "push.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "store.db")
        for new in (2, 0):
            result, _ = example(qntxpy, "webhook", event, "--store", path)
            compare(
                {"repository": "weather/station", "branch": "main", "commits": 2, "new": new},
                result["result"],
                f"result; {result['error']}",
            )


def test_webhook_bad(qntxpy):
    result, _ = example(qntxpy, "webhook", {"ref": 5, "commits": [{}]})
    compare({"$regex": r"BadEvent$"}, result["error_type"], "error_type")
    compare({"$contains": ["event.ref must be str, not int"]}, result["error_message"], "message")


def test_report(qntxpy):
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "store.db")
        sample = {"status_file": str(EXAMPLES / "input" / "dpkg-status")}
        example(qntxpy, "ingest_packages", sample, "--store", path)
        result, _ = example(qntxpy, "report", {"days": 2, "top": 1}, "--store", path)
    compare(7, result["result"]["attestations"], f"result; {result['error']}")
    compare({"installed": 3, "depends_on": 4}, result["result"]["predicates"], "predicates")
    compare({"$contains": ["7 attestations in 2 day(s)", "       4  depends_on"]}, result["stdout"], "stdout")


def test_selftest(qntxpy):
    result, status = example(qntxpy, "selftest", None)
    compare([1, "AssertionError"], [status, result["error_type"]], "status, error_type")
    compare("average of two numbers: expected 2, got 1.5", result["error_message"], "message")
    compare("checking averages\n", result["stdout"], "stdout")
    functions = [frame["function"] for frame in result["frames"]]
    compare(["main", "check_average"], functions[-2:], "frames")
    compare(1, result["attestations"]["count"], "attestations")
