"""Ctrl-C and SIGTERM: what runs is cancelled, its result still comes; the second time is at once."""

import json
import os
import signal

from harness import Case

STUBBORN = """
while True:
    try:
        while True: pass
    except BaseException: pass
"""


class Signals(Case):
    def interrupted(self, code, *arguments, number=signal.SIGINT):
        process = self.start("run", *arguments, "-c", self.python_sign("ready") + code)
        self.wait_for("ready")
        process.send_signal(number)
        status, stdout, stderr = self.finish(process)
        self.assertEqual(130, status, stderr)
        return stdout, stderr

    def test_interrupt(self):
        stdout, stderr = self.interrupted("print('begun')\nimport time\ntime.sleep(50)")
        self.assertIn("JobCancelled", stderr)

    def test_interrupt_of_busy_loop(self):
        _, stderr = self.interrupted("while True: pass")
        self.assertIn("JobCancelled", stderr)

    def test_terminate(self):
        self.interrupted("import time\ntime.sleep(50)", number=signal.SIGTERM)

    def test_result_of_an_interrupted_script(self):
        process = self.start("run", "--json", "-c",
                             "print('begun')\n" + self.python_sign("ready") + "import time\ntime.sleep(50)")
        self.wait_for("ready")
        process.send_signal(signal.SIGINT)
        status, stdout, stderr = self.finish(process)
        result = json.loads(stdout)
        self.assertEqual((130, "cancelled", "begun\n"), (status, result["error_kind"], result["stdout"]))

    def test_script_may_clean_up(self):
        code = "import time\ntry:\n    time.sleep(50)\nfinally:\n    print('cleaned up')"
        stdout, _ = self.interrupted(code)
        self.assertEqual("cleaned up\n", stdout)

    def test_second_signal_quits_at_once(self):
        process = self.start("run", "--timeout", "50", "-c", self.python_sign("ready") + STUBBORN)
        self.wait_for("ready")
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(130, self.finish(process)[0])

    def test_stubborn_script(self):
        """One that cannot be stopped is given up after the grace period; the process ends."""
        stdout, _ = self.interrupted(STUBBORN, "--json", "--timeout", "50")
        self.assertEqual("cancelled", json.loads(stdout)["error_kind"])

    def test_interrupt_while_reading_the_script(self):
        process = self.start("run", "-")
        process.stdin.write(b"print('never')\n")
        process.stdin.flush()
        self.send_until_ended(process)
        self.assertEqual(130, process.returncode)
        self.assertEqual(b"", process.stdout.read())

    def test_ignored_interrupt_stays_ignored(self):
        """As under nohup or in the background of a shell."""
        code = self.python_sign("ready") + self.python_wait("go") + "print('done')"
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.addCleanup(signal.signal, signal.SIGINT, before)
        import subprocess

        import harness

        process = subprocess.Popen([harness.program, "run", "-c", code], stdout=subprocess.PIPE)
        self.addCleanup(self.reap, process)
        self.wait_for("ready")
        process.send_signal(signal.SIGINT)
        self.file("go")
        self.assertEqual((0, "done\n"), self.finish(process)[:2])

    def test_batch(self):
        jobs = [
            {"id": "runs", "script_code": self.python_sign("ready") + "import time\ntime.sleep(50)"},
            {"id": "waits", "script_code": "_result = 1"},
        ]
        process = self.start("batch", "--workers", "1")
        process.stdin.write("".join(json.dumps(job) + "\n" for job in jobs).encode())
        process.stdin.flush()  # and stays open: the program waits for more lines
        self.wait_for("ready")
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)
        results = {r["id"]: r for r in map(json.loads, process.stdout.read().splitlines())}
        self.assertEqual(130, process.returncode)
        self.assertEqual("cancelled", results["runs"]["error_kind"])
        if "waits" in results:
            self.assertEqual("cancelled", results["waits"]["error_kind"])

    def test_batch_that_waits_for_lines(self):
        process = self.start("batch")
        process.stdin.write(b'{"id": 1, "script_code": "_result = 5"}\n')
        process.stdin.flush()
        self.assertEqual(5, json.loads(process.stdout.readline())["result"])
        process.send_signal(signal.SIGINT)
        self.assertEqual(130, process.wait(timeout=20))

    def send_until_ended(self, process):
        """The handler may not be there yet: then the signal ends the process by itself."""
        fd = os.open(f"/proc/{process.pid}/status", os.O_RDONLY)
        self.addCleanup(os.close, fd)
        caught = 1 << (signal.SIGINT - 1)
        while True:
            line = next(x for x in os.pread(fd, 8192, 0).splitlines() if x.startswith(b"SigCgt"))
            if int(line.split()[1], 16) & caught:
                break
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)
