"""Help, version and the manual page, which must tell the same."""

import re
import shutil
import subprocess
import unittest
from pathlib import Path

from harness import Case

MANUAL = Path(__file__).resolve().parents[2] / "src" / "cli" / "qntxpy.1"
COMMANDS = ["run", "batch", "attestations", "info", "version", "help"]


class Help(Case):
    def test_program(self):
        for arguments in (["--help"], ["-h"], ["help"]):
            done = self.call(*arguments)
            self.assertEqual((0, ""), (done.returncode, done.stderr))
            listed = re.findall(r"^  ([a-z]+) {2,}[A-Z]", done.stdout, re.M)
            self.assertEqual(COMMANDS, listed)

    def test_commands(self):
        for command in COMMANDS:
            with self.subTest(command):
                done = self.call(command, "--help")
                self.assertEqual((0, ""), (done.returncode, done.stderr))
                self.assertTrue(done.stdout.startswith(f"Usage: qntxpy {command}"))
                self.assertIn("\nExit status:\n", done.stdout)
                self.assertEqual(done.stdout, self.call("help", command).stdout)
                self.assertEqual(done.stdout, self.call(command, "-h").stdout)
                self.assertLessEqual(max(map(len, done.stdout.splitlines())), 80)

    def test_help_wins_over_missing_arguments(self):
        self.assertEqual(0, self.call("run", "--json", "--help").returncode)

    def test_unknown_topic(self):
        self.refused("help", "rum", says=["'rum'", "'run'"])

    def test_version(self):
        for arguments in (["version"], ["--version"], ["-V"]):
            self.assertRegex(self.call(*arguments).stdout, r"^qntxpy \d+\.\d+")


def options_of_help(text):
    options = text.split("\nOptions:\n")[1].split("\n\n")[0]
    return set(re.findall(r"^ +(?:-[a-z], )?(--[a-z-]+)", options, re.M))


def options_of_manual():
    """Command -> its options, from the subsections of the page."""
    found = {}
    for section in MANUAL.read_text().split("\n.Ss ")[1:]:
        name, _, body = section.partition("\n")
        body = body.split("\n.Sh ")[0]
        items = re.findall(r"^\.It (Fl .*)$", body, re.M)
        found[name] = {"--" + x for item in items for x in re.findall(r"Fl \\-([a-z-]+)", item)}
    return found


class Manual(Case):
    def test_same_options_as_help(self):
        manual = options_of_manual()
        for command in COMMANDS:
            with self.subTest(command):
                self.assertEqual(options_of_help(self.call(command, "--help").stdout), manual[command])

    def test_same_exit_statuses_as_help(self):
        section = MANUAL.read_text().split(".Sh EXIT STATUS\n")[1].split("\n.Sh ")[0]
        manual = set(re.findall(r"^\.It (\d+)$", section, re.M))
        text = "".join(self.call(command, "--help").stdout for command in COMMANDS)
        self.assertEqual(manual, set(re.findall(r"^  (\d+) ", text.replace("\nExit status:", "\n"), re.M)))

    @unittest.skipUnless(shutil.which("mandoc"), "mandoc is not installed")
    def test_lint(self):
        done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", MANUAL], capture_output=True, text=True)
        self.assertEqual((0, ""), (done.returncode, done.stdout))
