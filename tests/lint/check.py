#!/usr/bin/env python3
"""The project's own rules for its C code: who may include whom, what nobody calls, how long things are.

    tests/lint/check.py              check the tree; prints what is wrong and exits with 1
    tests/lint/check.py --self-test  check that each rule finds its bad sample in tests/lint/samples
    tests/lint/check.py --longest    the ten longest functions
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SAMPLES = ROOT / "tests/lint/samples"

FUNCTION_LINES = 80
FILE_LINES = 600

# Which parts of src a part may include. Everybody may include <qntxpy/...>; http and cli nothing else.
LAYERS = {
    "core": {"core"},
    "store": {"core", "store"},
    "interp": {"core", "store", "interp"},
    "engine": {"core", "store", "interp", "engine"},
    "pulse": {"core", "store", "engine", "pulse"},
    "http": {"http"},
    "cli": {"cli"},
}

BANNED = {
    r"sprintf|vsprintf|strcpy|strcat|strncpy|strtok|gets": "unbounded or surprising: use snprintf or qpy__buf",
    r"atoi|atol|atoll|atof|sscanf": "no error check: use a parse helper",
    r"gmtime|localtime|ctime|asctime": "not thread-safe: use the _r form",
    r"time": "use core/clock.h",
    r"alloca": "unbounded stack",
    r"PyRun_\w+": "exits the host on SystemExit: compile, then PyEval_EvalCode",
    r"PyGILState_Ensure|PyGILState_Release": "attaches to the main interpreter: use thread states",
    r"Py_Exit|Py_FatalError|PyErr_Print|PyErr_PrintEx": "may end the host",
    r"Py_FinalizeEx|Py_Finalize": "parked interpreters would crash it",
    r"setlocale|chdir|umask|fork|system|popen": "changes the process",
}
LIBRARY_BANNED = {
    r"signal|sigaction|atexit": "changes the host's process",
    r"exit|_exit|abort|quick_exit": "the library never ends the host",
    r"printf|puts|putchar|fprintf|perror": "the library never prints",
}
NUMBERS = r"strtol|strtoll|strtoul|strtoull|strtod"
SLEEPS = r"sleep|usleep|nanosleep"


def strip(text):
    """The code without comments and string literals, line numbers kept."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def calls(code, names):
    for match in re.finditer(rf"(?<![\w.>])({names})\s*\(", code):
        yield code.count("\n", 0, match.start()) + 1, match.group(1)


def functions(path):
    """(name, first line, last line, static) of each function."""
    output = subprocess.run(
        ["ctags", "-x", "--_xformat=%N %n %{end} %{file}", "--kinds-C=f", str(path)],
        capture_output=True, text=True, check=True).stdout
    for line in output.splitlines():
        name, first, last, *static = line.split()
        yield name, int(first), int(last), bool(static)


def part_of(relative):
    return relative.parts[1] if relative.parts[0] == "src" and len(relative.parts) > 2 else None


def check_opening(relative, text, code):
    if not re.match(r"/\*[*\s]+\w", text):
        yield 1, "opening", "a file opens with a comment that says what it is for"


def check_layers(relative, text, code):
    part = part_of(relative)
    if part not in LAYERS:
        return
    for match in re.finditer(r'^#include "(\w+)/', text, re.M):
        if match.group(1) not in LAYERS[part]:
            yield (text.count("\n", 0, match.start()) + 1, "layers",
                   f"{part} may not include {match.group(1)}")


def check_banned(relative, text, code):
    if relative.parts[0] == "tests" and relative.parts[1] != "lint":
        for line, name in calls(code, SLEEPS):
            yield line, "banned", f"{name}: tests do not sleep"
        return
    rules = dict(BANNED)
    if part_of(relative) != "cli":
        rules |= LIBRARY_BANNED
    for names, why in rules.items():
        for line, name in calls(code, names):
            yield line, "banned", f"{name}: {why}"
    if relative.name not in ("parse.c", "time_text.c", "when.c"):
        for line, name in calls(code, NUMBERS):
            yield line, "banned", f"{name}: only in a file of parse helpers"


def check_versions(relative, text, code):
    if relative.as_posix() == "src/interp/compat.h":
        return
    for pattern, what in ((r"PY_VERSION_HEX", "versions are compared in compat.h only"),
                          (r"\b_Py[A-Z]\w*\s*\(", "private CPython call"),
                          (r"internal/pycore", "private CPython header")):
        for match in re.finditer(pattern, text if "pycore" in pattern else code):
            yield code.count("\n", 0, match.start()) + 1, "versions", what


def check_lengths(relative, text, code):
    if relative.parts[0] == "src" and text.count("\n") > FILE_LINES:
        yield 1, "length", f"{text.count(chr(10))} lines; at most {FILE_LINES}"
    if relative.suffix != ".c":
        return
    for name, first, last, _ in functions(ROOT / relative):
        if last - first + 1 > FUNCTION_LINES:
            yield first, "length", f"{name}() has {last - first + 1} lines; at most {FUNCTION_LINES}"


def check_names(relative, text, code):
    if relative.parts[0] != "src" or relative.suffix != ".c":
        return
    allowed = ("qpy_", "cli_", "main") if part_of(relative) == "cli" else ("qpy_",)
    for name, first, _, static in functions(ROOT / relative):
        if not static and not name.startswith(allowed):
            yield first, "names", f"{name}(): not static, so it must begin with qpy_ or qpy__"


RULES = [check_opening, check_layers, check_banned, check_versions, check_lengths, check_names]


def check_file(relative, shown=None):
    """`shown`: the place in the tree the file is judged as, for samples."""
    text = (ROOT / relative).read_text(encoding="utf-8")
    code = strip(text)
    for rule in RULES:
        place = shown or relative
        if shown and rule in (check_lengths, check_names):
            place = relative  # these read the file themselves
        for line, name, message in rule(place, text, code):
            yield f"{relative}:{line}: [{name}] {message}"


def tree():
    names = subprocess.run(["git", "ls-files", "-z", "*.c", "*.h"], cwd=ROOT, capture_output=True,
                           text=True, check=True).stdout.split("\0")
    return [Path(name) for name in names if name and "lint/samples" not in name]


def self_test():
    """Each sample says in its second line as which file it is judged, and which rule it breaks."""
    failed = 0
    for sample in sorted(SAMPLES.rglob("*.c")):
        head = sample.read_text().splitlines()[:2]
        shown, rule = re.search(r"as (\S+) breaks (\w+)", "\n".join(head)).groups()
        found = list(check_file(sample.relative_to(ROOT), Path(shown)))
        if not any(f"[{rule}]" in line for line in found):
            print(f"{sample.name}: rule '{rule}' found nothing")
            failed += 1
    print(f"self-test: {len(list(SAMPLES.rglob('*.c')))} samples, {failed} failed")
    return failed


def longest():
    rows = [(last - first + 1, name, path) for path in tree() if path.suffix == ".c"
            and path.parts[0] == "src" for name, first, last, _ in functions(ROOT / path)]
    for lines, name, path in sorted(rows, reverse=True)[:10]:
        print(f"{lines:4} {name} ({path})")


def main():
    if "--self-test" in sys.argv:
        return 1 if self_test() else 0
    if "--longest" in sys.argv:
        return longest()
    problems = [line for path in tree() for line in check_file(path)]
    print("\n".join(problems) or f"rules: {len(tree())} files are clean")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
