"""What `qntxpy run` does besides the result: streaming, exit status, standard input, signals."""

import json
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from run import compare, ensure


def start(qntxpy, *arguments):
    return subprocess.Popen(
        [qntxpy.path, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_plain_output(qntxpy):
    done = qntxpy("run", "--code", "import sys; print('out'); print('err', file=sys.stderr)")
    compare([0, "out\n", "err\n"], [done.returncode, done.stdout, done.stderr], "output")


def test_plain_failure(qntxpy):
    done = qntxpy("run", "--code", "print('before')\n1 / 0")
    compare([1, "before\n"], [done.returncode, done.stdout], "output")
    compare(
        {"$contains": ["Traceback (most recent call last)", "    1 / 0\n", "ZeroDivisionError"]},
        done.stderr,
        "stderr",
    )


def test_exit_statuses(qntxpy):
    for code, status in {
        "pass": 0,
        "import sys; sys.exit(0)": 0,
        "import sys; sys.exit(3)": 1,
        "import sys; sys.exit('text')": 1,
        "raise KeyboardInterrupt": 1,
        "x = (": 1,
        "import time; time.sleep(60)": 124,
    }.items():
        done = qntxpy("run", "--timeout", "0.3", "--code", code)
        compare(status, done.returncode, f"exit status of {code!r}")


def test_standard_input(qntxpy):
    done = qntxpy("run", "-", stdin="import sys\nprint('read', repr(sys.stdin.read()))\n1 / 0\n")
    compare([1, "read ''\n"], [done.returncode, done.stdout], "output")
    compare({"$contains": "    1 / 0\n"}, done.stderr, "stderr")


def test_live_output(qntxpy):
    """A line arrives while the script still runs."""
    with start(qntxpy, "run", "--code", "import time; print('now'); time.sleep(3)") as process:
        line = process.stdout.readline()
        running = process.poll() is None
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    compare(["now\n", True], [line, running], "first line, still running")


def test_interrupt(qntxpy):
    """Ctrl-C cancels the job; the result comes all the same."""
    with tempfile.TemporaryDirectory() as directory:
        ready = os.path.join(directory, "ready")
        code = f"import time\nprint('begun')\nopen({ready!r}, 'w').close()\ntime.sleep(60)"
        with start(qntxpy, "run", "--json", "--code", code) as process:
            wait_for(ready)
            begin = time.monotonic()
            process.send_signal(signal.SIGINT)
            stdout, stderr = process.communicate(timeout=20)
    compare(130, process.returncode, f"exit status; stderr: {stderr}")
    ensure(time.monotonic() - begin < 5, "Ctrl-C took too long")
    result = json.loads(stdout)
    compare("cancelled", result["error_kind"], "error_kind")
    compare("begun\n", result["stdout"], "stdout")
    compare({"$regex": "JobCancelled$"}, result["error_type"], "error_type")


def test_interrupt_busy_loop(qntxpy):
    with start(qntxpy, "run", "--code", "print('begun')\nwhile True: pass") as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    compare(130, process.returncode, "exit status")


def test_closed_output(qntxpy):
    """A reader that goes away does not make the program hang or crash."""
    code = "for n in range(200_000): print('line', n)"
    with start(qntxpy, "run", "--code", code) as process:
        process.stdout.readline()
        process.stdout.close()
        process.stderr.read()
        process.wait(timeout=30)
    fatal = (-signal.SIGABRT, -signal.SIGSEGV)
    ensure(process.returncode not in fatal, f"crashed: {process.returncode}")


def test_environment_variables_of_python(qntxpy):
    """PYTHON* variables of the caller do not change how scripts run."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "json.py").write_text("raise SystemExit('wrong json')\n")
        environment = {**os.environ, "PYTHONPATH": directory, "PYTHONOPTIMIZE": "2"}
        environment |= {"PYTHONHOME": "/nonexistent", "PYTHONSTARTUP": directory, "PYTHONUTF8": "0"}
        code = "import json; assert False, 'asserts are on'"
        result, _ = qntxpy.run("--code", code, env={**environment, "LC_ALL": "C"})
    compare("asserts are on", result["error_message"], "error_message")


def test_venv(qntxpy):
    """Packages of a virtual environment can be imported; they end with the interpreter."""
    version = "python%d.%d" % qntxpy.python
    with tempfile.TemporaryDirectory() as directory:
        site = Path(directory, "lib", version, "site-packages")
        site.mkdir(parents=True)
        Path(directory, "pyvenv.cfg").write_text("home = /usr/bin\n")
        Path(site, "only_in_venv.py").write_text("NAME = 'venv'\n")
        code = "import only_in_venv; _result = only_in_venv.NAME"
        result, status = qntxpy.run("--venv", directory, "--code", code)
        compare(["venv", 0], [result["result"], status], f"with --venv: {result['error']}")
        result, _ = qntxpy.run("--code", code)
        compare("ModuleNotFoundError", result["error_type"], "without --venv")


def test_bad_venv(qntxpy):
    done = qntxpy("run", "--venv", "/nonexistent/venv", "--code", "pass")
    ensure(done.returncode in (2, 125), f"exit status {done.returncode}")
    compare({"$contains": "/nonexistent/venv"}, done.stderr, "message")


def test_gil_shared(qntxpy):
    result, _ = qntxpy.run("--gil", "shared", "--code", "import json; _result = 1")
    compare([1, "shared"], [result["result"], result["gil"]], "result, gil")


def test_gil_own(qntxpy):
    done = qntxpy("run", "--json", "--gil", "own", "--code", "_result = 1")
    if qntxpy.python >= (3, 12):
        result = json.loads(done.stdout)
        compare([1, "own"], [result["result"], result["gil"]], "result, gil")
    else:
        ensure(done.returncode in (2, 125), f"exit status {done.returncode}")
        compare({"$contains": "3.12"}, done.stderr, "message")


def test_working_directory(qntxpy):
    """Relative paths are the caller's, and the directory of a script is not put into sys.path."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "data.txt").write_text("data")
        Path(directory, "neighbour.py").write_text("")
        code = "_result = open('data.txt').read()\nimport neighbour"
        result, _ = qntxpy.run("--code", code, cwd=directory)
    compare("ModuleNotFoundError", result["error_type"], "error_type")


def test_info(qntxpy):
    done = qntxpy("info")
    compare(0, done.returncode, "exit status")
    compare({"$contains": ["%d.%d" % qntxpy.python, "gil:"]}, done.stdout, "info")


def test_help(qntxpy):
    for arguments in (["--help"], ["run", "--help"], ["batch", "--help"], ["attestations", "--help"]):
        done = qntxpy(*arguments)
        compare(0, done.returncode, f"exit status of {arguments}")
        compare({"$contains": "qntxpy"}, done.stdout, f"help of {arguments}")


def wait_for(path, seconds=20):
    end = time.monotonic() + seconds
    while not os.path.exists(path):
        ensure(time.monotonic() < end, f"{path} did not appear")
        time.sleep(0.01)
