"""Wrong usage: each time status 2, nothing on stdout, and a message that names what is wrong."""

import os
import unittest

from harness import Case


class Usage(Case):
    def test_no_command(self):
        self.refused(says=["no command", "Usage: qntxpy COMMAND"])

    def test_unknown_command(self):
        self.refused("atestations", says=["'atestations'", "did you mean 'attestations'?"])

    def test_unknown_command_far_from_all(self):
        done = self.refused("zzzzzzzzzz", says="'zzzzzzzzzz'")
        self.assertNotIn("did you mean", done.stderr)

    def test_option_before_command(self):
        self.refused("--json", "run", says="'--json'")

    def test_unknown_option(self):
        self.refused("run", "--jsno", says=["'--jsno'", "did you mean '--json'?"])

    def test_unknown_option_with_value(self):
        self.refused("run", "--timeuot=3", says=["'--timeuot'", "did you mean '--timeout'?"])

    def test_unknown_letter(self):
        self.refused("run", "-x", says="'-x'")

    def test_ambiguous_option(self):
        self.refused("run", "--p", "x", says=["ambiguous", "--path", "--progress", "--python-home"])

    def test_option_without_value(self):
        self.refused("run", "--timeout", says=["--timeout needs a value", "SECONDS"])

    def test_flag_with_value(self):
        self.refused("run", "--json=yes", "-c", "pass", says="--json takes no value")

    def test_no_script(self):
        self.refused("run", says=["run needs a script", "Usage: qntxpy run"])

    def test_code_and_file(self):
        self.file("x.py")
        self.refused("run", "--code", "pass", "x.py", says="not both")

    def test_two_files(self):
        self.refused("run", "a.py", "b.py", says=["a.py", "b.py"])
        self.refused("batch", "a", "b", says=["'a'", "'b'"])

    def test_arguments_where_none_belong(self):
        for command in ("info", "version", "attestations"):
            with self.subTest(command):
                self.refused(command, "extra", says="'extra'")

    def test_timeouts(self):
        for value in ("0", "-1", "nan", "inf", "1e400", "1000000001", "0x10", "1s", " 1", "1,5", "-0", "."):
            for command in ("run", "batch"):
                with self.subTest(value, command=command):
                    self.refused(command, "--timeout", value, says=["--timeout must be", f"'{value}'"])

    def test_empty_values(self):
        for option in ("--code", "--store", "--type", "--glyph", "--venv", "--python-home"):
            with self.subTest(option):
                self.refused("run", option, "", says=f"{option} must not be empty")

    def test_workers(self):
        for value in ("0", "-1", "257", "1.5", "many", "", "99999999999999999999", "+4"):
            with self.subTest(value):
                self.refused("batch", "--workers", value, says=["--workers", "from 1 to 256"])

    def test_limits(self):
        for value in ("-1", "1e3", "x", "10000000000"):
            with self.subTest(value):
                self.refused("attestations", "--limit", value, says=["--limit", f"'{value}'"])

    def test_choices(self):
        self.refused("run", "--gil", "none", says=["--gil", "auto|own|shared", "'none'"])
        self.refused("info", "--gil", "OWN", says=["--gil", "'OWN'"])
        self.refused("batch", "--attest", "never", says=["immediate|with_job", "'never'"])

    def test_env(self):
        for value in ("NAME", "=value", ""):
            with self.subTest(value):
                self.refused("run", "--env", value, says=["--env must be NAME=VALUE", f"'{value}'"])

    def test_path(self):
        self.refused("run", "--path", "not/there", says=["--path", "not/there", "No such file"])

    def test_json_input(self):
        for text, position in {
            "{bad": "byte 2",
            "[1, 2": "byte 6",
            "": "byte 1",
            '{"a": 1} x': "byte 10",
            "nul": "byte 1",
            "NaN": "byte 1",
            "[01]": "byte 4",
            "[1.]": "byte 4",
            '["a\tb"]': "byte 4",
            '["\\x"]': "byte 4",
            "[1,]": "byte 4",
            '{"a":1,}': "byte 8",
            "[" * 5000 + "]" * 5000: "byte 1001",
            '{"a" 1}': "byte 6",
        }.items():
            for option in ("--input", "--upstream"):
                with self.subTest(text, option=option):
                    done = self.refused("run", option, text, "-c", "pass", says=[option, "JSON"])
                    self.assertIn(f" at {position}, ", done.stderr)

    def test_times(self):
        for value in ("soon", "2026-02-30", "2026-13-01", "2026-01-01T25:00:00Z", "5y", "-2h", "h",
                      "2026-01-01T00:00:00", "2026-01-01Z", "2026-1-1", ""):
            for option in ("--since", "--until"):
                with self.subTest(value, option=option):
                    self.refused("attestations", "--store", "x", option, value, says=[option, f"'{value}'"])

    def test_json_and_jsonl(self):
        self.refused("attestations", "--store", "x", "--json", "--jsonl", says="not both")

    def test_attestations_needs_a_store(self):
        self.refused("attestations", says="--store")


class BadFiles(Case):
    def test_missing_script(self):
        self.refused("run", "no/such.py", says=["'no/such.py'", "No such file or directory"])

    def test_directory_as_script(self):
        self.refused("run", "/usr", says=["'/usr'", "Is a directory"])

    @unittest.skipIf(os.geteuid() == 0, "root may read everything")
    def test_unreadable_script(self):
        self.file("secret.py").chmod(0)
        self.refused("run", "secret.py", says=["'secret.py'", "Permission denied"])

    def test_endless_script(self):
        self.refused("run", "/dev/zero", says=["'/dev/zero'", "limit of 8388608 bytes"])

    def test_empty_script(self):
        self.file("empty.py")
        self.refused("run", "empty.py", says="script_code is required")

    def test_missing_batch(self):
        self.refused("batch", "no/such.jsonl", says=["'no/such.jsonl'", "No such file"])

    def test_directory_as_batch(self):
        self.refused("batch", "/usr", says=["'/usr'", "Is a directory"])

    def test_closed_stdin(self):
        done = self.without_stream("<&-", "run", "-")
        self.assertEqual(2, done.returncode)
        self.assertIn(b"standard input", done.stderr)
        self.assertEqual(0, self.without_stream("<&-", "run", "-c", "pass").returncode)

    def test_missing_store(self):
        for command in ("attestations", "info"):
            with self.subTest(command):
                self.refused(command, "--store", "none.db", says=["'none.db'", "No such file"])
                self.assertFalse((self.directory / "none.db").exists(), "must not be created")

    def test_directory_as_store(self):
        self.refused("attestations", "--store", "/usr", says=["'/usr'", "Is a directory"])
        self.refused("run", "--store", "/usr", "-c", "pass", says="/usr", status=125)

    def test_store_without_directory(self):
        self.refused("run", "--store", "no/where.db", "-c", "pass", says="no/where.db", status=125)
        self.refused("batch", "--store", "no/where.db", says="no/where.db", status=125)

    def test_corrupt_store(self):
        self.file("bad.db", "this is no database " * 500)
        self.refused("attestations", "--store", "bad.db", says="bad.db", status=125)
        self.refused("run", "--store", "bad.db", "-c", "pass", says="bad.db", status=125)


class BadOutput(Case):
    def to_full_device(self, *arguments, stdin=""):
        with open("/dev/full", "wb") as full:
            done = self.call(*arguments, stdin=stdin, stdout=full)
        self.assertEqual(125, done.returncode, done.stderr)
        self.assertIn("standard output: No space left on device", done.stderr)

    def test_full_device(self):
        self.to_full_device("--help")
        self.to_full_device("run", "--help")
        self.to_full_device("version")
        self.to_full_device("info")
        self.to_full_device("run", "-c", "print('text')")
        self.to_full_device("run", "--json", "-c", "pass")
        self.to_full_device("batch", stdin='{"script_code": "pass"}\n')

    def test_full_device_stops_the_script(self):
        self.to_full_device("run", "--timeout", "50", "-c", "import time\nprint('x')\ntime.sleep(40)")

    def test_closed_stdout(self):
        for arguments in (["--help"], ["run", "-c", "print(1)"], ["run", "--json", "-c", "pass"]):
            with self.subTest(arguments):
                done = self.without_stream(">&-", *arguments)
                self.assertEqual(125, done.returncode, done.stderr)
                self.assertIn(b"standard output: Bad file descriptor", done.stderr)

    def broken_pipe(self, *arguments, stdin=None):
        reader, writer = os.pipe()
        os.close(reader)
        with open(writer, "wb") as stdout:
            done = self.call(*arguments, stdin=stdin or "", stdout=stdout)
        self.assertEqual((141, ""), (done.returncode, done.stderr))

    def test_broken_pipe(self):
        self.broken_pipe("--help")
        self.broken_pipe("info", "--json")
        self.broken_pipe("run", "-c", "print('text')")
        self.broken_pipe("run", "--json", "-c", "pass")
        self.broken_pipe("batch", stdin='{"script_code": "pass"}\n' * 30)

    def test_broken_pipe_stops_the_script(self):
        self.broken_pipe("run", "--timeout", "50", "-c", "while True: print('text')")
