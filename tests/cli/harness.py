"""Starts the program under test and waits for what tests look at, without sleeping for luck."""

import contextlib
import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
if hasattr(sys, "set_int_max_str_digits"):
    sys.set_int_max_str_digits(0)

TIMEOUT_S = 60  # of anything: far beyond what a healthy program needs
program = None


def use(path):
    global program
    program = os.path.abspath(path)


def default_signals():
    """A test runner in the background may have left SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


class Case(unittest.TestCase):
    """A test with a directory of its own, in which the program runs."""

    maxDiff = 4000

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.directory = Path(scratch.name)

    def call(self, *arguments, stdin="", **options):
        """Run the program to its end; its output is text."""
        data = stdin if isinstance(stdin, bytes) else stdin.encode()
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        if "stdin" not in options and "input" not in options:
            options["input"] = data
        done = subprocess.run(
            [program, *map(str, arguments)],
            cwd=self.directory,
            timeout=TIMEOUT_S,
            preexec_fn=default_signals,
            **options,
        )
        done.stdout = (done.stdout or b"").decode("utf-8", "surrogateescape")
        done.stderr = (done.stderr or b"").decode("utf-8", "surrogateescape")
        return done

    def start(self, *arguments, **options):
        """Start the program; it is killed if the test leaves it behind."""
        for stream in ("stdin", "stdout", "stderr"):
            options.setdefault(stream, subprocess.PIPE)
        process = subprocess.Popen(
            [program, *map(str, arguments)],
            cwd=self.directory,
            preexec_fn=default_signals,
            **options,
        )
        self.addCleanup(self.reap, process)
        return process

    @staticmethod
    def reap(process):
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                with contextlib.suppress(OSError):
                    stream.close()

    def without_stream(self, redirection, *arguments):
        """Run the program with a stream closed, as a shell does for `<&-` and `>&-`."""
        return subprocess.run(
            ["/bin/sh", "-c", f'exec "$0" "$@" {redirection}', program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.directory,
            timeout=TIMEOUT_S,
        )

    def finish(self, process):
        """Wait for the end; returns (status, stdout, stderr), output as text."""
        stdout, stderr = process.communicate(timeout=TIMEOUT_S)
        return process.returncode, (stdout or b"").decode(), (stderr or b"").decode()

    def file(self, name, text=""):
        path = self.directory / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def wait_for(self, name):
        """Wait until a script made this file."""
        end = time.monotonic() + TIMEOUT_S
        while not (self.directory / name).exists():
            self.assertLess(time.monotonic(), end, f"{name} did not appear")
            time.sleep(0.005)

    def python_wait(self, name):
        """Python source that waits until the test makes this file."""
        path = str(self.directory / name)
        return f"import os, time\nwhile not os.path.exists({path!r}): time.sleep(0.005)\n"

    def python_sign(self, name):
        """Python source that makes a file the test waits for."""
        return f"open({str(self.directory / name)!r}, 'w').close()\n"

    def result(self, *arguments, status=0, **options):
        """The JSON object of `run --json`."""
        done = self.call("run", "--json", *arguments, **options)
        self.assertEqual(status, done.returncode, done.stderr + done.stdout)
        self.assertEqual(1, done.stdout.count("\n"), done.stdout)
        return json.loads(done.stdout)

    def refused(self, *arguments, says=(), status=2, **options):
        """The program refuses: nothing on stdout, the words in the message."""
        done = self.call(*arguments, **options)
        self.assertEqual((status, ""), (done.returncode, done.stdout), done.stderr)
        self.assertTrue(done.stderr.startswith("qntxpy: "), done.stderr)
        for words in [says] if isinstance(says, str) else says:
            self.assertIn(words, done.stderr)
        return done

    def on_terminal(self, *arguments, columns=80, stderr_too=True):
        """Run the program on a terminal; returns (status, what the terminal received)."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        environment = {**os.environ, "TERM": "xterm"}
        process = self.start(
            *arguments,
            stdin=subprocess.DEVNULL,
            stdout=slave,
            stderr=slave if stderr_too else subprocess.DEVNULL,
            env=environment,
        )
        os.close(slave)
        text = b"".join(read_terminal(master))
        os.close(master)
        return process.wait(timeout=TIMEOUT_S), text.decode().replace("\r\n", "\n")


def read_terminal(master):
    """Pieces until the other side is closed."""
    while select.select([master], [], [], TIMEOUT_S)[0]:
        try:
            piece = os.read(master, 65536)
        except OSError:
            return
        if not piece:
            return
        yield piece
