#!/usr/bin/env python3
"""Run the job scripts below this directory and compare each result with what is expected.

    tests/scripts/run.py --qntxpy build/dev/qntxpy [NAME...]

A case is GROUP/NAME.py with GROUP/NAME.json beside it:

    about     one sentence: what the case shows
    payload   fields of the python.script payload besides the code
    args      further arguments of `qntxpy run`, such as ["--path", "${DIR}/lib"]
    status    exit status of `qntxpy run`; default: 0, 1 or 124, as the result demands
    doors     through which doors to run it; default: ["run", "batch"], as far as the door can
    varies    true if two runs differ (times, ids), so that the doors cannot be compared
    expect    what the result must hold; members it does not name may be anything
    when      [{"python": ">=3.12"} or {"exists": PATH}, "expect": ...}]: the first that applies
              is merged over `expect`

In expected values an object with one of these members is a test instead of a value:

    {"$regex": R}          a string in which R is found
    {"$contains": S}       a string that contains S, or each of a list of strings
    {"$lacks": S}          a string that does not contain S, or any of a list of strings
    {"$absent": true}      the member is not there
    {"$type": "str"}       any value of the Python type
    {"$any": [A, B]}       one of several values
    {"$between": [A, B]}   a number, both ends included
    {"$includes": {...}}   an object with at least these members
    {"$list": [A, B]}      a list with at least these elements, in this order
    {"$keys": [A, B]}      an object with these members in this order
    {"$length": N}         a string, list or object of this length
    {"$power": [B, E]}     the integer B ** E

${FILE} in an expected string is the script's name in tracebacks: its path, or <job ID>; ${DIR} is
this directory. Besides what a case expects, every result must be sound: see SOUND.

What needs more than one run (bad input, stores, batches, signals) is written in Python: each function
test_NAME in coded/GROUP.py takes the program under test, and is the case GROUP/NAME.
"""

import argparse
import concurrent.futures
import fnmatch
import importlib
import json
import os
import pprint
import re
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
TIMEOUT_S = 60  # of one call of qntxpy: far beyond what any case needs

sys.dont_write_bytecode = True
if hasattr(sys, "set_int_max_str_digits"):
    sys.set_int_max_str_digits(0)  # results hold integers of any size

# Flags of `qntxpy run` for fields of a payload. Other fields can only come through `batch`.
FLAGS = {
    "input": lambda value: ["--input", json.dumps(value)],
    "script_type": lambda value: ["--type", value],
    "timeout_secs": lambda value: ["--timeout", str(value)],
    "attest": lambda value: ["--attest", value],
    "glyph_id": lambda value: ["--glyph", value],
    "upstream_attestation": lambda value: ["--upstream", json.dumps(value)],
    "capture_variables": lambda value: ["--capture-variables"] if value else [],
    "python_paths": lambda value: [word for path in value for word in ("--path", path)],
    "env": lambda value: [word for name in value for word in ("--env", f"{name}={value[name]}")],
}

# The members of a result, in this order. `variables` comes only if it was asked for.
MEMBERS = (
    "success stdout stderr result error duration_ms variables job_id error_kind error_type "
    "error_message exit_code frames stop_rung stopped_at attestations conversions stdout_dropped "
    "stderr_dropped lane gil interpreter_abandoned times_ms"
).split()

KINDS = "syntax exception exit timeout cancelled memory policy payload internal".split()


class Mismatch(AssertionError):
    """What was found is not what was expected."""


def ensure(condition, message):
    if not condition:
        raise Mismatch(message)


# ---- Comparing ---------------------------------------------------------------------------------


def as_list(value):
    return value if isinstance(value, list) else [value]


def test_list(expected, actual, where):
    rest = iter(actual)
    for wanted in expected:
        for value in rest:
            try:
                compare(wanted, value, where)
                break
            except Mismatch:
                continue
        else:
            raise Mismatch(f"{where}: no element like {wanted!r}\n  in {actual!r}")


def test_any(choices, actual, where):
    for choice in choices:
        try:
            return compare(choice, actual, where)
        except Mismatch:
            continue
    raise Mismatch(f"{where}: none of {choices!r}\n  but {actual!r}")


def test_includes(expected, actual, where):
    ensure(isinstance(actual, dict), f"{where}: not an object: {actual!r}")
    for key, value in expected.items():
        if value == {"$absent": True}:
            ensure(key not in actual, f"{where}.{key}: must not be there, but is {actual.get(key)!r}")
            continue
        ensure(key in actual, f"{where}.{key}: missing")
        compare(value, actual[key], f"{where}.{key}")


def is_text(actual):
    return isinstance(actual, str)


TESTS = {
    "$regex": lambda want, got, at: ensure(
        is_text(got) and re.search(want, got), f"{at}: no match for {want!r}\n  in {got!r}"
    ),
    "$contains": lambda want, got, at: [
        ensure(is_text(got) and part in got, f"{at}: {part!r} is not\n  in {got!r}")
        for part in as_list(want)
    ],
    "$lacks": lambda want, got, at: [
        ensure(is_text(got) and part not in got, f"{at}: {part!r} should not be\n  in {got!r}")
        for part in as_list(want)
    ],
    "$type": lambda want, got, at: ensure(
        type(got).__name__ == want, f"{at}: a {want} is expected, not {got!r}"
    ),
    "$between": lambda want, got, at: ensure(
        type(got) in (int, float) and want[0] <= got <= want[1], f"{at}: {got!r} is not in {want!r}"
    ),
    "$keys": lambda want, got, at: ensure(
        isinstance(got, dict) and list(got) == want, f"{at}: members {want!r}\n  but {got!r}"
    ),
    "$length": lambda want, got, at: ensure(
        len(got) == want, f"{at}: length {want!r} is expected, not {len(got)}"
    ),
    "$power": lambda want, got, at: ensure(
        type(got) is int and got == want[0] ** want[1], f"{at}: not {want[0]} ** {want[1]}"
    ),
    "$any": test_any,
    "$includes": test_includes,
    "$list": test_list,
}


def compare(expected, actual, where):
    """Raise Mismatch unless `actual` is what is expected. 1, 1.0 and true are three values."""
    if isinstance(expected, dict) and any(key in TESTS for key in expected):
        for name, want in expected.items():
            TESTS[name](want, actual, where)
        return
    ensure(type(expected) is type(actual), f"{where}: expected {expected!r}\n  but got {actual!r}")
    if isinstance(expected, dict):
        ensure(
            set(expected) == set(actual), f"{where}: expected {expected!r}\n  but got {actual!r}"
        )
        for key, value in expected.items():
            compare(value, actual[key], f"{where}.{key}")
    elif isinstance(expected, list):
        ensure(
            len(expected) == len(actual), f"{where}: expected {expected!r}\n  but got {actual!r}"
        )
        for index, value in enumerate(expected):
            compare(value, actual[index], f"{where}[{index}]")
    else:
        ensure(expected == actual, f"{where}: expected {expected!r}\n  but got {actual!r}")


# ---- What holds for every result ---------------------------------------------------------------


def check_sound(result):
    """SOUND: order and types of the members, and that they do not contradict one another."""
    order = [name for name in MEMBERS if name in result]
    ensure([name for name in result if name in MEMBERS] == order, f"order: {list(result)}")
    missing = [name for name in MEMBERS if name not in result and name != "variables"]
    ensure(not missing, f"members are missing: {missing}")
    for name, kind in {
        "success": bool,
        "stdout": str,
        "stderr": str,
        "duration_ms": int,
        "job_id": str,
        "exit_code": int,
        "frames": list,
        "conversions": list,
        "attestations": dict,
        "stdout_dropped": int,
        "stderr_dropped": int,
        "interpreter_abandoned": bool,
        "times_ms": dict,
    }.items():
        ensure(type(result[name]) is kind, f"{name} must be {kind.__name__}: {result[name]!r}")
    ensure(result["lane"] == "fresh", f"lane: {result['lane']!r}")
    ensure(result["gil"] in ("own", "shared"), f"gil: {result['gil']!r}")
    made = result["attestations"]
    ensure(len(made["ids"]) == min(made["count"], 1000), f"attestations: {made!r}")
    for frame in result["frames"]:
        ensure(list(frame) == ["file", "line", "function", "source"], f"frame: {frame!r}")
    for note in result["conversions"]:
        ensure(list(note) == ["path", "from", "note"], f"conversion: {note!r}")
        ensure(note["path"].startswith("$"), f"conversion: {note!r}")
    if result["success"]:
        for name in ("error", "error_kind", "error_type", "error_message", "stop_rung"):
            ensure(result[name] is None, f"{name} of a success: {result[name]!r}")
        ensure(result["exit_code"] == 0, f"exit_code of a success: {result['exit_code']}")
        return
    ensure(result["error_kind"] in KINDS, f"error_kind: {result['error_kind']!r}")
    ensure(result["error"], f"error of a failure: {result['error']!r}")
    ensure(result["exit_code"] != 0, "exit_code 0 of a failure")


# ---- Running -----------------------------------------------------------------------------------


class Qntxpy:
    """The program under test."""

    def __init__(self, path):
        self.path = os.path.abspath(path)
        done = self("run", "--json", "--code", "import sys; _result = list(sys.version_info[:2])")
        try:
            self.python = tuple(json.loads(done.stdout)["result"])
        except (ValueError, TypeError, KeyError):
            sys.exit(f"{path} cannot run a script:\n{done.stdout}{done.stderr}")

    def __call__(self, *arguments, stdin=b"", cwd=None, **options):
        """Run it. stdout and stderr of what is returned are text."""
        with tempfile.TemporaryDirectory() as scratch:
            done = subprocess.run(
                [self.path, *map(os.fspath, arguments)],
                input=stdin if isinstance(stdin, bytes) else stdin.encode(),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=cwd or scratch,
                timeout=TIMEOUT_S,
                **options,
            )
        done.stdout = done.stdout.decode("utf-8", "surrogateescape")
        done.stderr = done.stderr.decode("utf-8", "surrogateescape")
        return done

    def run(self, *arguments, **options):
        """`run --json`. Return (result, exit status)."""
        done = self("run", "--json", *arguments, **options)
        return parse_one(done), done.returncode

    def batch(self, payloads, *arguments, **options):
        """`batch` over payloads: dicts, or raw lines as bytes. Return {id: result}, one for each."""
        results, problem = self.try_batch(payloads, *arguments, **options)
        ensure(not problem, problem)
        return results

    def try_batch(self, payloads, *arguments, **options):
        """The same, but return also what is wrong as text, or None."""
        lines = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in payloads]
        try:
            done = self("batch", "-", *arguments, stdin=b"\n".join(lines) + b"\n", **options)
        except subprocess.TimeoutExpired as hung:
            text = (hung.stdout or b"").decode("utf-8", "surrogateescape")
            done = subprocess.CompletedProcess(hung.cmd, "hung", text, "")
        results = {}
        for line in filter(None, done.stdout.split("\n")):
            try:
                result = json.loads(line)
            except ValueError:
                return results, f"a line that is not JSON: {line[:500]!r}"
            if result["id"] in results:
                return results, f"two results for {result['id']!r}"
            results[result["id"]] = result
        if len(results) == len(lines):
            return results, None
        counts = f"{len(lines)} payloads, {len(results)} results"
        return results, f"{counts}; exit status {done.returncode}, stderr:\n{done.stderr[-2000:]}"


def parse_one(done):
    """The one JSON object a call printed."""
    try:
        return json.loads(done.stdout)
    except ValueError:
        raise Mismatch(
            f"exit status {done.returncode}; not one JSON object on stdout: {done.stdout[:500]!r}\n"
            f"stderr: {done.stderr[-2000:]}"
        ) from None


class Case:
    """One script and what it should give."""

    def __init__(self, path):
        self.script = path.with_suffix(".py")
        self.name = str(path.relative_to(HERE).with_suffix(""))
        text = path.read_text(encoding="utf-8").replace("${DIR}", str(HERE))
        self.spec = json.loads(text)
        self.payload = self.spec.get("payload", {})
        unknown = set(self.spec) - set("about payload args status doors varies expect when".split())
        ensure(not unknown, f"{path}: unknown members {sorted(unknown)}")

    def goes_through(self, door):
        if door not in self.spec.get("doors", ["run", "batch"]):
            return False
        if door == "run":
            return all(field in FLAGS for field in self.payload)
        return not self.spec.get("args")

    def run(self, qntxpy):
        arguments = [word for name, value in self.payload.items() for word in FLAGS[name](value)]
        result, status = qntxpy.run(self.script, *arguments, *self.spec.get("args", []))
        self.check(result, str(self.script), qntxpy.python)
        kind = result["error_kind"]
        wanted = 0 if kind is None else 124 if kind == "timeout" else 1
        ensure(status == self.spec.get("status", wanted), f"exit status {status} for {kind}")
        return result

    def batch_payload(self):
        return {"id": self.name, "script_code": self.script.read_text("utf-8"), **self.payload}

    def expectation(self, python):
        expected = dict(self.spec["expect"])
        for choice in self.spec.get("when", []):
            if applies(choice, python):
                return {**expected, **choice["expect"]}
        return expected

    def check(self, result, shown_as, python):
        check_sound(result)
        text = json.dumps(self.expectation(python)).replace("${FILE}", shown_as)
        test_includes(json.loads(text), result, "result")


def applies(choice, python):
    if "exists" in choice:
        return os.path.exists(choice["exists"])
    relation, version = re.fullmatch(r"(>=|<)(\d+\.\d+)", choice["python"]).groups()
    version = tuple(int(part) for part in version.split("."))
    return python >= version if relation == ">=" else python < version


def same_through_both(first, second):
    """What must be equal through every door, whatever the script is called there."""
    for name in ("success", "result", "stdout", "error_kind", "error_type", "exit_code"):
        compare(first[name], second[name], f"run against batch: {name}")


# ---- Reporting ---------------------------------------------------------------------------------


class Report:
    def __init__(self, verbose):
        self.passed = 0
        self.failed = []
        self.verbose = verbose

    def attempt(self, name, function, *arguments):
        """Call a check, count it, and print it if it fails. Return what it returns."""
        try:
            value = function(*arguments)
        except Mismatch as mismatch:
            self.failed.append(name)
            print(f"FAIL {name}\n  {mismatch}\n", flush=True)
            return None
        except subprocess.TimeoutExpired:
            self.failed.append(name)
            print(f"FAIL {name}\n  qntxpy did not end within {TIMEOUT_S} s\n", flush=True)
            return None
        except Exception:
            self.failed.append(name)
            print(f"FAIL {name}\n{traceback.format_exc()}", flush=True)
            return None
        self.passed += 1
        if self.verbose:
            print(f"ok   {name}", flush=True)
        return value


def run_cases(qntxpy, cases, report, jobs):
    """Run the cases through `run`, each in a process, then all in one `batch`; compare the two."""
    through_run = [case for case in cases if case.goes_through("run")]
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        results = pool.map(
            lambda case: report.attempt(f"{case.name} (run)", case.run, qntxpy), through_run
        )
        by_name = dict(zip([case.name for case in through_run], results))

    through_batch = [case for case in cases if case.goes_through("batch")]
    if not through_batch:
        return
    payloads = [case.batch_payload() for case in through_batch]
    batch, problem = qntxpy.try_batch(payloads, "--workers", "2")
    report.attempt("all cases in one batch", ensure, not problem, problem)
    for case in through_batch:
        if case.name not in batch:
            report.failed.append(f"{case.name} (batch): no result")
            continue
        result = batch[case.name]
        shown_as = f"<job {result.get('job_id')}>"
        report.attempt(f"{case.name} (batch)", case.check, result, shown_as, qntxpy.python)
        if by_name.get(case.name) and not case.spec.get("varies"):
            report.attempt(f"{case.name} (doors)", same_through_both, by_name[case.name], result)


def coded_cases():
    """Yield (name, function) of each case that is written in Python."""
    for path in sorted((HERE / "coded").glob("*.py")):
        module = importlib.import_module(f"coded.{path.stem}")
        for name, function in vars(module).items():
            if name.startswith("test_"):
                yield f"{path.stem}/{name.removeprefix('test_')}", function


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--qntxpy", required=True, help="the program to test")
    parser.add_argument("--jobs", type=int, default=2, help="how many calls at a time")
    parser.add_argument("--show", action="store_true", help="print the results of the named cases")
    parser.add_argument("-v", "--verbose", action="store_true", help="print what passes, too")
    parser.add_argument("names", nargs="*", metavar="NAME", help="such as output/cap, or output/*")
    options = parser.parse_args()

    qntxpy = Qntxpy(options.qntxpy)
    wanted = options.names or ["*"]
    cases = [Case(path) for path in sorted(HERE.glob("*/*.json"))]
    cases = [c for c in cases if any(fnmatch.fnmatch(c.name, pattern) for pattern in wanted)]
    if options.show:
        for case in cases:
            pprint.pprint(case.run(qntxpy), sort_dicts=False, width=100)

    report = Report(options.verbose)
    run_cases(qntxpy, cases, report, options.jobs)

    coded = [(n, f) for n, f in coded_cases() if any(fnmatch.fnmatch(n, p) for p in wanted)]
    for name, function in coded:
        report.attempt(name, function, qntxpy)
    if not cases and not coded:
        sys.exit(f"no case is called {' or '.join(wanted)}")

    for name in report.failed:
        print(f"failed: {name}")
    print(f"{report.passed} passed, {len(report.failed)} failed")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.modules["run"] = sys.modules["__main__"]  # coded cases import it
    sys.exit(main())
