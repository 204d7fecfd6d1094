"""The command batch: one result line for each payload, whatever the payloads are."""

import json
import os

from harness import Case


class Batch(Case):
    def lines(self, *payloads):
        """JSON Lines from dicts and raw lines."""
        return b"".join(
            (p if isinstance(p, bytes) else json.dumps(p, ensure_ascii=False).encode()) + b"\n"
            for p in payloads
        )

    def batch(self, *payloads, status=0, arguments=()):
        """The result lines in the order in which they came."""
        done = self.call("batch", *arguments, stdin=self.lines(*payloads))
        self.assertEqual(status, done.returncode, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_ids(self):
        payloads = [{"id": n, "script_code": "pass"} for n in ("a", 7, "é\n", "", -1.5)]
        results = self.batch(*payloads, arguments=["--workers", "1"])
        self.assertEqual(["a", 7, "é\n", "", -1.5], [result["id"] for result in results])
        self.assertTrue(all(list(result)[:2] == ["id", "success"] for result in results))

    def test_ids_are_kept_as_written(self):
        for text in ("1152921504606846977", "1e2", "-0.10", '"\\u00e9\\ud83d\\ude00"', "1" * 40, '"a\\"]}"'):
            with self.subTest(text):
                line = b'{"x": [1, {"id": 0}], "script_code": "pass", "id" : %s }\n' % text.encode()
                done = self.call("batch", stdin=line)
                self.assertTrue(done.stdout.startswith('{"id":%s,"success":true,' % text), done.stdout)

    def test_line_numbers_as_ids(self):
        payloads = [{"script_code": "pass"}, b"", {"id": None, "script_code": "pass"},
                    {"id": [1], "script_code": "pass"}, {"id": True, "script_code": "pass"}]
        results = self.batch(*payloads, arguments=["--workers", "1"])
        self.assertEqual([1, 3, 4, 5], [result["id"] for result in results])

    def test_bad_ids(self):
        """What is no JSON number or string is not copied into the output."""
        for text in (b"01", b"+1", b"1.", b".5", b"NaN", b'"\x01"', b'"\xff"', b'"\\x"', b"'a'"):
            with self.subTest(text):
                done = self.call("batch", stdin=b'{"id": %s, "script_code": "pass"}' % text)
                self.assertEqual(1, json.loads(done.stdout)["id"])

    def test_bad_lines(self):
        good = {"id": "good", "script_code": "_result = 1"}
        bad = [b"{", b"nonsense", b"[]", b'{"script_code": ""}', b'{"script_code": 5}', b"\xff\xfe", b"null"]
        results = self.batch(*bad, good, status=1, arguments=["--workers", "1"])
        self.assertEqual([*range(1, len(bad) + 1), "good"], [result["id"] for result in results])
        for result in results[:-1]:
            wanted = {"success": False, "stdout": "", "stderr": "", "result": None, "duration_ms": 0}
            self.assertEqual(wanted, {name: result[name] for name in wanted})
            self.assertEqual("payload", result["error_kind"])
            self.assertIn("invalid payload", result["error"])
        self.assertEqual(1, results[-1]["result"])

    def test_id_of_a_bad_line(self):
        (result,) = self.batch(b'{"id": "known", "script_code": ""}', status=1)
        self.assertEqual("known", result["id"])
        (result,) = self.batch(b'{"id": "known", "script_code": oops}', status=1)
        self.assertEqual("known", result["id"])

    def test_empty_lines(self):
        self.assertEqual([], self.batch(b"", b"   ", b"\t\r"))
        self.assertEqual([], self.batch())

    def test_last_line_without_newline(self):
        done = self.call("batch", stdin='{"script_code": "_result = 3"}')
        self.assertEqual(3, json.loads(done.stdout)["result"])

    def test_windows_line_ends(self):
        self.assertEqual(1, self.batch(b'{"script_code": "_result = 1"}\r')[0]["result"])

    def test_file(self):
        self.file("jobs.jsonl", self.lines({"script_code": "_result = 1"}))
        done = self.call("batch", "jobs.jsonl")
        self.assertEqual(1, json.loads(done.stdout)["result"])

    def test_order_of_one_worker(self):
        payloads = [{"id": n, "script_code": f"_result = {n}"} for n in range(30)]
        payloads[7] = b"broken"
        results = self.batch(*payloads, status=1, arguments=["--workers", "1"])
        self.assertEqual([n if n != 7 else 8 for n in range(30)], [result["id"] for result in results])

    def test_results_come_as_scripts_finish(self):
        slow = {"id": "slow", "script_code": self.python_wait("go") + "_result = 1"}
        quick = {"id": "quick", "script_code": "_result = 2"}
        process = self.start("batch", "--workers", "2")
        process.stdin.write(self.lines(slow, quick))
        process.stdin.flush()
        self.assertEqual("quick", json.loads(process.stdout.readline())["id"])
        self.file("go")
        self.assertEqual("slow", json.loads(process.stdout.readline())["id"])
        process.stdin.close()
        self.assertEqual(0, process.wait(timeout=20))

    def test_lines_never_mix(self):
        code = "print('x' * 50000)\n_result = 'y' * 50000"
        results = self.batch(*[{"id": n, "script_code": code} for n in range(40)],
                             arguments=["--workers", "4"])
        self.assertEqual(set(range(40)), {result["id"] for result in results})

    def test_back_pressure(self):
        """A stuck worker keeps the program from reading all of a long input."""
        stuck = {"script_code": self.python_wait("go")}
        payload = {"script_code": "pass", "filler": "x" * 10000}
        process = self.start("batch", "--workers", "1")
        os.set_blocking(process.stdin.fileno(), False)
        data, written = self.lines(stuck, *[payload] * 1000), 0
        import select

        while select.select([], [process.stdin], [], 2)[1] and written < len(data):
            written += process.stdin.raw.write(data[written : written + 65536]) or 0
        self.assertLess(written, 1_000_000, "the input was read ahead")
        self.file("go")
        os.set_blocking(process.stdin.fileno(), True)
        stdout, _ = process.communicate(data[written:], timeout=60)
        self.assertEqual((0, 1001), (process.returncode, stdout.count(b"\n")))

    def test_long_line(self):
        code = "#" * 5_000_000 + "\n_result = 1"
        self.assertEqual(1, self.batch({"script_code": code})[0]["result"])

    def test_line_beyond_the_limit(self):
        long = b'{"id": "x", "filler": "' + b"x" * (65 * 1024 * 1024) + b'"}'
        results = self.batch(long, {"id": "good", "script_code": "_result = 1"}, status=1)
        found = {result["id"]: result for result in results}
        self.assertIn("longer than", found[1]["error"])
        self.assertEqual(1, found["good"]["result"])

    def test_failures(self):
        results = self.batch({"id": 1, "script_code": "1/0"}, {"id": 2, "script_code": "pass"}, status=1)
        self.assertEqual({1: "exception", 2: None}, {r["id"]: r["error_kind"] for r in results})

    def test_timeouts(self):
        slow = "import time\ntime.sleep(50)"
        results = self.batch(
            {"id": "own", "script_code": slow, "timeout_secs": 0.2},
            {"id": "default", "script_code": slow},
            {"id": "longer", "script_code": "import time\ntime.sleep(0.6)", "timeout_secs": 20},
            status=1,
            arguments=["--timeout", "0.3"],
        )
        kinds = {result["id"]: result["error_kind"] for result in results}
        self.assertEqual({"own": "timeout", "default": "timeout", "longer": None}, kinds)

    def test_store_and_attest(self):
        attest = "attest(['s'], ['p'], ['c'])"
        payloads = [
            {"script_code": attest},
            {"script_code": attest + "\n1/0"},
            {"script_code": attest + "\n1/0", "attest": "immediate"},
        ]
        self.batch(*payloads, status=1, arguments=["--store", "b.db", "--attest", "with_job"])
        done = self.call("attestations", "--store", "b.db", "--jsonl")
        self.assertEqual(2, len(done.stdout.splitlines()))

    def test_path(self):
        (self.directory / "lib").mkdir()
        self.file("lib/mine.py", "X = 5\n")
        payload = {"script_code": "import mine\n_result = mine.X"}
        (result,) = self.batch(payload, arguments=["--path", self.directory / "lib"])
        self.assertEqual(5, result["result"])

    def test_logs(self):
        payload = {"id": "a", "script_code": "import qntx\nqntx.log('hello')"}
        done = self.call("batch", stdin=self.lines(payload))
        self.assertEqual('["a"] info: hello\n', done.stderr)

    def test_summary(self):
        payloads = self.lines({"script_code": "pass"}, {"script_code": "1/0"}, b"bad")
        done = self.call("batch", "--summary", stdin=payloads)
        self.assertRegex(done.stderr, r"^3 jobs: 1 succeeded, 1 failed, 1 not accepted; 0 attestations; \d+\.\d+ s\n$")

    def test_scripts_do_not_see_the_input(self):
        payloads = [{"id": n, "script_code": "import os\n_result = len(os.read(0, 10))"} for n in range(20)]
        results = self.batch(*payloads)
        self.assertEqual([0] * 20, [result["result"] for result in results])

    def test_children_do_not_spoil_the_lines(self):
        code = "import subprocess, os\nsubprocess.run(['echo', 'child'])\nos.write(1, b'raw\\n')"
        done = self.call("batch", stdin=self.lines({"script_code": code}))
        self.assertEqual("child\n", json.loads(done.stdout)["stdout"])
        self.assertEqual("raw\n", done.stderr)

    def test_reader_that_goes_away(self):
        process = self.start("batch", "--workers", "2")
        payload = self.lines({"script_code": "_result = 'x' * 100000"})
        process.stdin.write(payload)
        process.stdin.flush()
        process.stdout.readline()
        process.stdout.close()
        try:
            while process.poll() is None:
                process.stdin.write(payload)
                process.stdin.flush()
        except BrokenPipeError:
            pass
        self.assertEqual(141, process.wait(timeout=20))
        self.assertEqual(b"", process.stderr.read())

    def test_many(self):
        payloads = [{"id": n, "script_code": f"_result = {n} * 2"} for n in range(100)]
        results = self.batch(*payloads)
        self.assertEqual({n: n * 2 for n in range(100)}, {r["id"]: r["result"] for r in results})
