"""The command attestations, as a table and as JSON, and the command info."""

import json
import re
import unicodedata

from harness import Case

MAKE = """
attest(["host:a", "host:b"], ["installed"], ["version"], ["tester"], {"n": 2**60})
attest(["日本語"], ["depends_on"], ["é" * 60], ["robot"], {"text": "line\\nbreak \\x1b[31m"})
attest(["plain"], ["installed"], ["_"], ["tester"])
"""


def columns(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


class Attestations(Case):
    def setUp(self):
        super().setUp()
        self.store = self.directory / "a.db"
        self.result("--store", self.store, "-c", MAKE)

    def query(self, *arguments):
        done = self.call("attestations", "--store", self.store, "--json", *arguments)
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        return json.loads(done.stdout)

    def subjects(self, *arguments):
        return [found["subjects"][0] for found in self.query(*arguments)]

    def test_json(self):
        found = self.query("--subject", "host:a")[0]
        self.assertEqual(["host:a", "host:b"], found["subjects"])
        self.assertEqual(("python", {"n": 2**60}), (found["source"], found["attributes"]))
        self.assertRegex(found["timestamp"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")

    def test_json_lines(self):
        done = self.call("attestations", "--store", self.store, "--jsonl")
        self.assertEqual(3, len([json.loads(line) for line in done.stdout.splitlines()]))

    def test_newest_first(self):
        self.assertEqual(["plain", "日本語", "host:a"], self.subjects())

    def test_nothing_found(self):
        self.assertEqual([], self.query("--subject", "nobody"))
        done = self.call("attestations", "--store", self.store, "--subject", "nobody", "--jsonl")
        self.assertEqual((0, ""), (done.returncode, done.stdout))

    def test_filters(self):
        for arguments, expected in [
            (["--predicate", "installed"], ["plain", "host:a"]),
            (["--predicate", "INSTALLED", "--actor", "Tester", "--subject", "host:b"], ["host:a"]),
            (["--subject", "plain", "--subject", "日本語"], ["plain", "日本語"]),
            (["--context", "version"], ["host:a"]),
            (["--actor", "robot", "--predicate", "installed"], []),
        ]:
            with self.subTest(arguments):
                self.assertEqual(expected, self.subjects(*arguments))

    def test_limit(self):
        self.assertEqual(["plain"], self.subjects("--limit", "1"))
        self.assertEqual([], self.subjects("--limit", "0"))
        self.assertEqual(3, len(self.subjects("--limit", "3")))

    def test_times(self):
        for arguments, count in [
            (["--since", "1h"], 3),
            (["--until", "1h"], 0),
            (["--since", "2020-01-01", "--until", "2020-12-31"], 0),
            (["--since", "2020-01-01T00:00:00.5+02:00"], 3),
            (["--since", "2999-01-01"], 0),
            (["--until", "2999-01-01t00:00:00z"], 3),
            (["--since", "3d", "--until", "0s"], 3),
            (["--since", "100000w"], 3),
        ]:
            with self.subTest(arguments):
                self.assertEqual(count, len(self.query(*arguments)))

    def test_a_date_as_until_includes_the_day(self):
        day = self.query()[0]["timestamp"][:10]
        self.assertEqual(3, len(self.query("--since", day, "--until", day)))

    def test_table(self):
        done = self.call("attestations", "--store", self.store)
        lines = done.stdout.splitlines()
        self.assertEqual((0, "", 4), (done.returncode, done.stderr, len(lines)))
        self.assertTrue(lines[0].startswith("TIME "), lines[0])
        self.assertIn("host:a, host:b", done.stdout)
        self.assertIn("é" * 60, done.stdout, "nothing is cut in a pipe")
        self.assertNotIn("\x1b", done.stdout)
        start = columns(lines[0][: lines[0].index("PREDICATES")])
        for line, word in zip(lines[1:], ["installed", "depends_on", "installed"]):
            self.assertEqual(start, columns(line[: line.index(word)]), line)
        self.assertTrue(all(line == line.rstrip() for line in lines))

    def test_table_on_a_terminal(self):
        for width in (80, 120):
            status, text = self.on_terminal("attestations", "--store", self.store, columns=width)
            with self.subTest(width):
                self.assertEqual(0, status)
                self.assertIn("…", text)
                self.assertLessEqual(max(map(columns, text.splitlines())), width, text)
                self.assertRegex(text, r"\d\d:\d\d:\d\dZ")

    def test_more_than_the_limit(self):
        done = self.call("attestations", "--store", self.store, "--limit", "2")
        self.assertEqual(3, len(done.stdout.splitlines()))
        self.assertIn("newest 2", done.stderr)

    def test_store_is_not_changed(self):
        before = self.store.read_bytes()
        self.call("attestations", "--store", self.store)
        self.assertEqual(before, self.store.read_bytes())

    def test_full_device(self):
        for format in ([], ["--json"], ["--jsonl"]):
            with self.subTest(format), open("/dev/full", "wb") as full:
                done = self.call("attestations", "--store", self.store, *format, stdout=full)
                self.assertEqual(125, done.returncode)
                self.assertIn("No space left", done.stderr)


class Info(Case):
    def test_text(self):
        done = self.call("info")
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertRegex(done.stdout, r"\b3\.\d+\.\d+")
        self.assertIn("gil:", done.stdout)
        self.assertFalse(re.search(r"[{}\[\]]\n", done.stdout), done.stdout)

    def test_json(self):
        done = self.call("info", "--json")
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertIsInstance(json.loads(done.stdout), dict)

    def test_store(self):
        self.result("--store", "a.db", "-c", "attest(['s'], ['p'], ['c'])")
        done = self.call("info", "--store", "a.db")
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertIn("a.db", done.stdout)
