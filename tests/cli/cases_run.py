"""The command run: statuses, output, the JSON object, and what reaches the script."""

import json
import subprocess

from harness import TIMEOUT_S, Case


class Statuses(Case):
    def status(self, expected, code, *arguments):
        done = self.call("run", *arguments, "--code", code)
        self.assertEqual(expected, done.returncode, done.stderr)
        return done

    def test_success(self):
        done = self.status(0, "x = 1")
        self.assertEqual(("", ""), (done.stdout, done.stderr))

    def test_exception(self):
        done = self.status(1, "def f():\n    return 1 / 0\nf()")
        self.assertEqual("", done.stdout)
        self.assertTrue(done.stderr.startswith("Traceback (most recent call last):\n"), done.stderr)
        self.assertIn("    return 1 / 0\n", done.stderr)
        self.assertTrue(done.stderr.endswith("\nZeroDivisionError: division by zero\n"), done.stderr)

    def test_syntax_error(self):
        self.assertIn("SyntaxError", self.status(1, "x = (").stderr)

    def test_exit_codes(self):
        for code, status in {"0": 0, "None": 0, "3": 1, "'no'": 1, "130": 1, "124": 1}.items():
            with self.subTest(code):
                self.status(status, f"import sys; sys.exit({code})")

    def test_timeout(self):
        self.status(124, "import time; time.sleep(50)", "--timeout", "0.2")

    def test_timeout_of_busy_loop(self):
        self.status(124, "while True: pass", "--timeout", "0.2")

    def test_timeout_of_a_call_that_keeps_the_gil(self):
        """The thread is left behind; the program ends all the same, with the result."""
        code = "print('begun')\nimport re\nre.match('(a+)+$', 'a' * 40 + 'b')"
        done = self.call("run", "--timeout", "0.2", "-c", code)
        self.assertEqual((124, "begun\n"), (done.returncode, done.stdout), done.stderr)
        self.assertIn("JobTimeout", done.stderr)

    def test_smallest_timeout(self):
        self.status(124, "import time; time.sleep(50)", "--timeout", "1e-9")

    def test_keyboard_interrupt_of_the_script(self):
        self.status(1, "raise KeyboardInterrupt")

    def test_bad_python_home(self):
        done = self.call("run", "--python-home", "/nonexistent/home", "-c", "pass")
        self.assertIn(done.returncode, (2, 125), done.stderr)
        self.assertIn("/nonexistent/home", done.stderr)

    def test_bad_venv(self):
        done = self.call("run", "--venv", "/nonexistent/venv", "-c", "pass")
        self.assertIn(done.returncode, (2, 125), done.stderr)
        self.assertIn("/nonexistent/venv", done.stderr)


class Output(Case):
    def test_streams(self):
        done = self.call("run", "-c", "import sys\nprint('é日本')\nprint('no', file=sys.stderr)")
        self.assertEqual((0, "é日本\n", "no\n"), (done.returncode, done.stdout, done.stderr))

    def test_no_final_newline(self):
        self.assertEqual("abc", self.call("run", "-c", "print('abc', end='')").stdout)

    def test_output_arrives_while_the_script_runs(self):
        process = self.start("run", "-c", "print('first')\n" + self.python_wait("seen") + "print('last')")
        self.assertEqual(b"first\n", process.stdout.readline())
        self.assertIsNone(process.poll())
        self.file("seen")
        self.assertEqual((0, "last\n", ""), self.finish(process))

    def test_flushed_piece_of_a_line_arrives(self):
        code = "print('half', end='', flush=True)\n" + self.python_wait("seen") + "print(' whole')"
        process = self.start("run", "-c", code)
        self.assertEqual(b"half", process.stdout.read(4))
        self.file("seen")
        self.assertEqual((0, " whole\n", ""), self.finish(process))

    def test_stderr_arrives_while_the_script_runs(self):
        code = "import sys\nprint('first', file=sys.stderr)\n" + self.python_wait("seen")
        process = self.start("run", "-c", code)
        self.assertEqual(b"first\n", process.stderr.readline())
        self.file("seen")
        self.assertEqual((0, "", ""), self.finish(process))

    def test_much_output_is_streamed_whole(self):
        done = self.call("run", "-c", "for n in range(300000): print(n)")
        self.assertEqual([str(n) for n in range(300000)], done.stdout.split())

    def test_output_before_a_failure(self):
        done = self.call("run", "-c", "print('before')\n1/0")
        self.assertEqual((1, "before\n"), (done.returncode, done.stdout))

    def test_output_before_a_timeout(self):
        done = self.call("run", "--timeout", "0.5", "-c", "print('before')\nwhile True: pass")
        self.assertEqual((124, "before\n"), (done.returncode, done.stdout))

    def test_result_is_not_printed(self):
        self.assertEqual("", self.call("run", "-c", "_result = 'secret'").stdout)

    def test_log_records(self):
        code = "import qntx\nqntx.log('two\\nlines', 'warn', n=3)\nqntx.log('plain')"
        done = self.call("run", "-c", code)
        self.assertEqual("", done.stdout)
        self.assertRegex(done.stderr, r'^warn: two\\nlines \{"n": ?3\}\ninfo: plain\n$')

    def test_progress_is_quiet_in_a_pipe(self):
        done = self.call("run", "-c", "import qntx\nqntx.progress(1, 2, 'half')")
        self.assertEqual((0, ""), (done.returncode, done.stderr))

    def test_progress_as_lines(self):
        code = "import qntx\nqntx.progress(1, 4, 'a')\nqntx.progress(7)"
        done = self.call("run", "--progress", "-c", code)
        self.assertEqual("progress: 1/4 (25%) a\nprogress: 7\n", done.stderr)

    def test_progress_on_a_terminal(self):
        code = "import qntx\nqntx.progress(2, 2, 'x' * 200)\nprint('end')"
        status, text = self.on_terminal("run", "-c", code, columns=40)
        self.assertEqual(0, status)
        line = "2/2 (100%) " + "x" * 28
        self.assertEqual(f"\r\033[K{line}\r\033[Kend\n", text)

    def test_children_write_to_stdout(self):
        code = "import subprocess\nsubprocess.run(['echo', 'child'], check=True)"
        self.assertEqual("child\n", self.call("run", "-c", code).stdout)


class Json(Case):
    def test_one_object(self):
        result = self.result("-c", "import sys\nprint('o')\nprint('e', file=sys.stderr)\n_result = [1]")
        wanted = {"success": True, "stdout": "o\n", "stderr": "e\n", "result": [1], "error": None}
        self.assertEqual(wanted, {name: result[name] for name in wanted})
        self.assertEqual([*wanted, "duration_ms"], list(result)[:6])

    def test_nothing_on_stderr(self):
        done = self.call("run", "--json", "-c", "import sys\nprint('e', file=sys.stderr)\n1/0")
        self.assertEqual((1, ""), (done.returncode, done.stderr))

    def test_failure(self):
        result = self.result("-c", "1/0", status=1)
        self.assertEqual("exception", result["error_kind"])
        self.assertIn("ZeroDivisionError", result["error"])

    def test_exit_code(self):
        self.assertEqual(7, self.result("-c", "import sys; sys.exit(7)", status=1)["exit_code"])

    def test_timeout(self):
        code = "print('begun')\nimport time\ntime.sleep(50)"
        result = self.result("--timeout", "0.5", "-c", code, status=124)
        self.assertEqual(("timeout", "begun\n"), (result["error_kind"], result["stdout"]))

    def test_exact_integers(self):
        code = "_result = [2**60, -2**63, 10**30]"
        self.assertEqual([2**60, -(2**63), 10**30], self.result("-c", code)["result"])
        self.assertIn("1152921504606846976", self.call("run", "--json", "-c", code).stdout)

    def test_exact_input(self):
        value = {"n": 2**60, "big": 10**30, "f": 1.0, "t": "é\n\u2028", "l": [None, True]}
        code = "import qntx\n_result = qntx.job.input"
        result = self.result("--input", json.dumps(value), "-c", code)["result"]
        self.assertEqual(json.dumps(value, sort_keys=True), json.dumps(result, sort_keys=True))

    def test_children_do_not_spoil_the_object(self):
        code = "import subprocess, os\nsubprocess.run(['echo', 'child'])\nos.write(1, b'raw\\n')"
        done = self.call("run", "--json", "-c", code)
        self.assertEqual("child\n", json.loads(done.stdout)["stdout"])
        self.assertEqual("raw\n", done.stderr)

    def test_variables(self):
        result = self.result("--capture-variables", "-c", "answer = 42")
        self.assertEqual("42", result["variables"]["answer"])
        self.assertNotIn("variables", self.result("-c", "answer = 42"))

    def test_with_job_keeps_nothing_of_a_failure(self):
        code = "attest(['s'], ['p'], ['c'])\n1/0"
        for attest, count in {"immediate": 1, "with_job": 0}.items():
            with self.subTest(attest):
                self.result("--store", "a.db", "--attest", attest, "-c", code, status=1)
                done = self.call("attestations", "--store", "a.db", "--json")
                self.assertEqual(count, len(json.loads(done.stdout)))
                (self.directory / "a.db").unlink()


class Sources(Case):
    def test_file(self):
        self.file("job.py", "print(__file__)\nraise ValueError('here')\n")
        done = self.call("run", "job.py")
        self.assertEqual((1, "job.py\n"), (done.returncode, done.stdout))
        self.assertIn('File "job.py", line 2', done.stderr)

    def test_file_after_dashes(self):
        self.file("-odd.py", "print('odd')")
        self.assertEqual("odd\n", self.call("run", "--", "-odd.py").stdout)

    def test_options_after_the_file(self):
        self.file("job.py", "_result = 1")
        self.assertEqual(1, json.loads(self.call("run", "job.py", "--json").stdout)["result"])

    def test_standard_input(self):
        done = self.call("run", "-", stdin="print('from stdin')\n")
        self.assertEqual((0, "from stdin\n"), (done.returncode, done.stdout))

    def test_fifo(self):
        import os

        os.mkfifo(self.directory / "fifo")
        process = self.start("run", "fifo")
        with open(self.directory / "fifo", "w") as fifo:
            fifo.write("print('from a fifo')\n")
        self.assertEqual((0, "from a fifo\n", ""), self.finish(process))

    def test_byte_order_mark(self):
        self.file("bom.py", b"\xef\xbb\xbfprint('ok')\n")
        self.assertEqual("ok\n", self.call("run", "bom.py").stdout)

    def test_script_cannot_read_its_own_source(self):
        code = "import os\nprint(os.read(0, 10))\n" + "# filler\n" * 50000
        self.assertEqual("b''\n", self.call("run", "-", stdin=code).stdout)


class Script(Case):
    def test_type_glyph_and_upstream(self):
        code = (
            "import qntx\n"
            "made = attest(['s'], ['p'], ['c'])\n"
            "_result = [qntx.job.script_type, upstream['id'], made['actors']]"
        )
        options = ["--type", "csv", "--glyph", "g1", "--upstream", '{"id": "AS-1"}']
        self.assertEqual(["csv", "AS-1", ["glyph:g1"]], self.result(*options, "-c", code)["result"])

    def test_environment(self):
        code = "import os\n_result = [os.environ['A'], os.environ['B'], os.environ['C']]"
        options = ["--env", "A=1", "--env", "B=x=y", "--env", "C="]
        self.assertEqual(["1", "x=y", ""], self.result(*options, "-c", code)["result"])

    def test_paths(self):
        for name in ("one", "two"):
            (self.directory / name).mkdir()
            self.file(f"{name}/which.py", f"NAME = {name!r}\n")
        code = "import which\n_result = which.NAME"
        options = ["--path", self.directory / "two", "--path", self.directory / "one"]
        self.assertEqual("two", self.result(*options, "-c", code)["result"])

    def test_store_remembers(self):
        self.result("--store", "a.db", "-c", "attest(['s'], ['p'], ['c'], attributes={'n': 2**60})")
        result = self.result("--store", "a.db", "-c", "_result = last(['s'])['attributes']['n']")
        self.assertEqual(2**60, result["result"])

    def test_gil_shared(self):
        self.assertEqual("shared", self.result("--gil", "shared", "-c", "pass")["gil"])

    def test_closed_socket_does_not_end_the_process(self):
        code = (
            "import socket\n"
            "a, b = socket.socketpair()\nb.close()\n"
            "try:\n    a.send(b'x')\nexcept BrokenPipeError:\n    print('caught')"
        )
        done = self.call("run", "-c", code)
        self.assertEqual((0, "caught\n"), (done.returncode, done.stdout), done.stderr)

    def test_children_can_be_terminated(self):
        """No signal stays blocked or ignored in what a script starts."""
        code = (
            "import subprocess\n"
            "p = subprocess.Popen(['sleep', '50'])\np.terminate()\n_result = p.wait(20)"
        )
        self.assertEqual(-15, self.result("-c", code)["result"])

    def test_environment_of_the_caller_does_not_matter(self):
        done = subprocess.run(
            [__import__("harness").program, "run", "-c", "print('é')"],
            env={"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONHOME": "/nonexistent"},
            stdout=subprocess.PIPE,
            timeout=TIMEOUT_S,
        )
        self.assertEqual("é\n".encode(), done.stdout)
