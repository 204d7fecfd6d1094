"""Many jobs in one process: each in an interpreter of its own, none sees another."""

import os

from run import compare, ensure

ENVIRONMENT = {**os.environ, "LC_ALL": "C.UTF-8"}

# Changes whatever a script can change in its interpreter.
CHANGE_EVERYTHING = """
import builtins, codecs, contextlib, decimal, gc, json, locale, logging, os, random, socket, string, sys, threading, types, warnings
import qntx

os.environ["QPY_LEAK"] = "1"
os.environ.pop("PATH", None)
os.putenv("QPY_LEAK_PUT", "1")
sys.path.insert(0, "/leak")
sys.modules["leaked_module"] = types.ModuleType("leaked_module")
sys.meta_path.insert(0, type("Finder", (), {"find_spec": staticmethod(lambda *a: None)}))
sys.argv.append("leak")
sys.leak = 1
sys.setrecursionlimit(300)
sys.set_int_max_str_digits(5000)
sys.displayhook = sys.excepthook = sys.unraisablehook = print
threading.excepthook = print
warnings.simplefilter("error")
builtins.leak = 1
builtins.len = lambda thing: -1
json.loads = lambda text: "leak"
string.digits = "leak"
random.seed(1)
socket.setdefaulttimeout(0.001)
decimal.getcontext().prec = 3
gc.disable()
gc.set_threshold(1)
logging.basicConfig(level=1)
logging.disable()
with contextlib.suppress(PermissionError):
    sys.setswitchinterval(50)
with contextlib.suppress(PermissionError):
    now = locale.setlocale(locale.LC_CTYPE)
    locale.setlocale(locale.LC_ALL, "C.UTF-8" if now == "C" else "C")
codecs.register_error("leak", print)
qntx.attest = None
qntx.job = None
sys.settrace(lambda *a: None)
threading.setprofile(lambda *a: None)
leak = 1
_result = "changed"
"""

FIND_CHANGES = """
import builtins, codecs, decimal, gc, json, locale, logging, os, socket, string, subprocess, sys, threading, warnings
import qntx

def registered(name):
    try:
        return bool(codecs.lookup_error(name))
    except LookupError:
        return False

child = subprocess.run(["/bin/sh", "-c", "echo $QPY_LEAK$QPY_LEAK_PUT"], capture_output=True, text=True)
found = {
    "os.environ": "QPY_LEAK" in os.environ or "PATH" not in os.environ,
    "environment of children": child.stdout != "\\n",
    "sys.path": "/leak" in sys.path,
    "sys.modules": "leaked_module" in sys.modules,
    "sys.meta_path": any("Finder" == getattr(f, "__name__", "") for f in sys.meta_path),
    "sys.argv": "leak" in sys.argv,
    "sys attributes": hasattr(sys, "leak"),
    "recursion limit": sys.getrecursionlimit() == 300,
    "int digits": sys.get_int_max_str_digits() == 5000,
    "displayhook": sys.displayhook is print or sys.unraisablehook is print,
    "threading.excepthook": threading.excepthook is print,
    "warnings": any(f[0] == "error" and f[2] is Warning for f in warnings.filters),
    "builtins": hasattr(builtins, "leak") or len("ab") != 2,
    "json": json.loads("[1]") != [1],
    "string": string.digits != "0123456789",
    "socket timeout": socket.getdefaulttimeout() is not None,
    "decimal context": decimal.getcontext().prec == 3,
    "gc": not gc.isenabled() or gc.get_threshold()[0] == 1,
    "logging": bool(logging.root.handlers) or logging.root.manager.disable != 0,
    "switch interval": sys.getswitchinterval() > 1,
    "codecs": registered("leak"),
    "qntx": not callable(qntx.attest) or qntx.job is None,
    "trace": sys.gettrace() is not None or sys.getprofile() is not None,
    "globals": "leak" in globals() and globals()["leak"] == 1,
}
_result = [sorted(name for name in found if found[name]), locale.setlocale(locale.LC_CTYPE)]
"""


def test_isolation_one_worker(qntxpy):
    """One job after another on one worker: the third finds nothing of the second."""
    find = {"script_code": FIND_CHANGES}
    jobs = [{"id": "before", **find}, {"id": "change", "script_code": CHANGE_EVERYTHING}]
    jobs.append({"id": "after", **find})
    results = qntxpy.batch(jobs, "--workers", "1", env=ENVIRONMENT)
    compare("changed", results["change"]["result"], f"change: {results['change']['error']}")
    before, after = results["before"]["result"], results["after"]["result"]
    compare([], before[0], f"before: {results['before']['error']}")
    compare(before, after, f"after: {results['after']['error']}")


def test_isolation_many(qntxpy):
    """The same with jobs that run at the same time and after one another on two workers."""
    jobs = []
    for number in range(10):
        jobs.append({"id": f"change {number}", "script_code": CHANGE_EVERYTHING})
        jobs.append({"id": f"find {number}", "script_code": FIND_CHANGES})
    for name, result in qntxpy.batch(jobs, "--workers", "2", env=ENVIRONMENT).items():
        if name.startswith("find"):
            compare([[], {"$type": "str"}], result["result"], f"{name}: {result['error']}")
        else:
            compare("changed", result["result"], f"{name}: {result['error']}")


def test_ids(qntxpy):
    """Each result carries the payload's id, or the number of its line."""
    payloads = [{"script_code": "_result = 1"}, {"id": "two é", "script_code": "_result = 2"}]
    results = qntxpy.batch([*payloads, b"{", {"script_code": "_result = 4"}], "--workers", "1")
    compare([1, "two é", 3, 4], list(results), "ids")
    compare([1, 2, None, 4], [result["result"] for result in results.values()], "results")


def test_inputs_and_attestations_stay_apart(qntxpy):
    code = """
import qntx, time
for n in range(20):
    qntx.attest([f"job:{qntx.job.input}"], ["made"], [f"n:{n}"])
    print(qntx.job.input)
_result = [qntx.job.input, len(qntx.query([f"job:{qntx.job.input}"]))]
"""
    jobs = [{"id": str(n), "script_code": code, "input": n} for n in range(20)]
    for name, result in qntxpy.batch(jobs, "--workers", "4").items():
        compare([int(name), 20], result["result"], f"result of {name}: {result['error']}")
        compare(f"{name}\n" * 20, result["stdout"], f"stdout of {name}")
        compare(20, result["attestations"]["count"], f"attestations of {name}")


def test_failures_do_not_spread(qntxpy):
    """Jobs that fail in every way, with sound ones between them, on two workers."""
    bad = [
        "1 / 0",
        "raise SystemExit(3)",
        "def f(): f()\nf()",
        "x = (",
        "import time; time.sleep(60)",
        "while True: pass",
        "import sys; sys.stdout = None; sys.stderr = None; sys.modules.clear()",
        "import builtins; builtins.__dict__.clear()",
        "import sys; del sys.modules['qntx'], sys.modules['__main__']",
        "import gc; gc.disable(); x = []; x.append(x); del x",
        "class A:\n  def __del__(self): 1/0\na = A()",
        "import threading; threading.Thread(target=lambda: 1/0).start()",
        "import sys; sys.setrecursionlimit(10**6)\ndef f(n): return f(n+1) if n < 3000 else n\nf(0)",
        "globals().clear()",
        "import atexit; atexit.register(lambda: 1/0)",
        "import os; os._exit(0)",
    ]
    jobs = []
    for number, code in enumerate(bad):
        jobs.append({"id": f"bad {number}", "script_code": code, "timeout_secs": 1})
        jobs.append({"id": f"good {number}", "script_code": "import json; _result = json.loads('[1]')"})
    results = qntxpy.batch(jobs, "--workers", "2")
    for name, result in results.items():
        if name.startswith("good"):
            compare([1], result["result"], f"{name}: {result['error']}")
    kinds = [results[f"bad {number}"]["error_kind"] for number in range(6)]
    compare(["exception", "exit", "exception", "syntax", "timeout", "timeout"], kinds, "kinds")


def test_more_jobs_than_workers(qntxpy):
    jobs = [{"id": str(n), "script_code": f"_result = {n}"} for n in range(200)]
    for name, result in qntxpy.batch(jobs, "--workers", "2").items():
        compare(int(name), result["result"], name)


def test_busy_jobs_share(qntxpy):
    """A busy job does not keep the others from running, whatever the GIL."""
    busy = "import time\nend = time.monotonic() + 3\nwhile time.monotonic() < end: pass"
    jobs = [{"id": "busy", "script_code": busy}]
    jobs += [{"id": str(n), "script_code": "import json; _result = 1"} for n in range(5)]
    order = list(qntxpy.batch(jobs, "--workers", "2"))
    ensure(order[0] != "busy", f"the short jobs had to wait for the busy one: {order}")


def test_empty_batch(qntxpy):
    done = qntxpy("batch", "-", stdin=b"")
    compare([0, ""], [done.returncode, done.stdout], "status, stdout")
