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

# Which parts of src a part may include. Everybody may include <qntxpy/...>; the public headers, http
# and cli nothing else.
LAYERS = {
    "include": set(),
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
    r"atoi|atol|atoll|atof|sscanf|fscanf": "no error check: use a parse helper",
    r"gmtime|localtime|ctime|asctime": "not thread-safe: use the _r form",
    r"time": "use core/clock.h",
    r"alloca": "unbounded stack",
    r"PyRun_\w+": "exits the host on SystemExit: compile, then PyEval_EvalCode",
    r"PyGILState_(?!GetThisThreadState)\w+": "attaches to the main interpreter: use thread states",
    r"Py_Exit|Py_FatalError|PyErr_Print|PyErr_PrintEx": "may end the host",
    r"Py_FinalizeEx|Py_Finalize": "parked interpreters would crash it",
    r"setlocale|chdir|umask|fork|system|popen": "changes the process",
}
LIBRARY_BANNED = {
    r"signal|sigaction|atexit": "changes the host's process",
    r"exit|_exit|abort|quick_exit": "the library never ends the host",
    r"v?f?printf|v?dprintf|f?puts|putchar|f?putc|perror": "the library never prints",
}
NUMBERS = r"strto(?:l|ll|ul|ull|imax|umax|f|d|ld)"
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
        name, first, last, scope = line.split()
        yield name, int(first), int(last), scope == "file"


def part_of(place):
    if place.parts[0] == "src" and len(place.parts) > 2:
        return place.parts[1]
    return "include" if place.parts[0] == "include" else None


def check_opening(place, path, text, code):
    if not re.match(r"/\*[*\s]+\w", text):
        yield 1, "opening", "a file opens with a comment that says what it is for"


def check_layers(place, path, text, code):
    part = part_of(place)
    if part not in LAYERS:
        return
    for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*["<](?:\.+/)*(\w+)/', text, re.M):
        other = match.group(1)
        if other in LAYERS and other not in LAYERS[part]:
            yield text.count("\n", 0, match.start()) + 1, "layers", f"{part} may not include {other}"


def check_banned(place, path, text, code):
    if place.parts[0] == "tests" and place.parts[1] != "lint":
        for line, name in calls(code, SLEEPS):
            yield line, "banned", f"{name}: tests do not sleep"
        return
    rules = dict(BANNED)
    if part_of(place) != "cli":
        rules |= LIBRARY_BANNED
    for names, why in rules.items():
        for line, name in calls(code, names):
            yield line, "banned", f"{name}: {why}"
    if place.name not in ("parse.c", "time_text.c", "when.c"):
        for line, name in calls(code, NUMBERS):
            yield line, "banned", f"{name}: only in a file of parse helpers"


def check_versions(place, path, text, code):
    if place.as_posix() == "src/interp/compat.h":
        return
    for pattern, what in ((r"PY_VERSION_HEX", "versions are compared in compat.h only"),
                          (r"\b_Py\w+", "private CPython name"),
                          (r"internal/pycore", "private CPython header")):
        for match in re.finditer(pattern, text if "pycore" in pattern else code):
            yield code.count("\n", 0, match.start()) + 1, "versions", what


def check_length(place, path, text, code):
    if place.parts[0] == "src" and text.count("\n") > FILE_LINES:
        yield 1, "length", f"{text.count(chr(10))} lines; at most {FILE_LINES}"
    if place.suffix != ".c":
        return
    for name, first, last, _ in functions(path):
        if last - first + 1 > FUNCTION_LINES:
            yield first, "length", f"{name}() has {last - first + 1} lines; at most {FUNCTION_LINES}"


def check_names(place, path, text, code):
    if place.parts[0] != "src" or place.suffix != ".c":
        return
    allowed = ("qpy_", "cli_", "main") if part_of(place) == "cli" else ("qpy_",)
    for name, first, _, static in functions(path):
        if not static and not name.startswith(allowed):
            yield first, "names", f"{name}(): not static, so it must begin with qpy_ or qpy__"


RULES = [check_opening, check_layers, check_banned, check_versions, check_length, check_names]


def check_file(relative, shown=None):
    """`shown`: the place in the tree the file is judged as, for samples."""
    text = (ROOT / relative).read_text(encoding="utf-8")
    code = strip(text)
    for rule in RULES:
        for line, name, message in rule(shown or relative, ROOT / relative, text, code):
            yield f"{relative}:{line}: [{name}] {message}"


def tree():
    names = subprocess.run(["git", "ls-files", "-z", "*.c", "*.h"], cwd=ROOT, capture_output=True,
                           text=True, check=True).stdout.split("\0")
    return [Path(name) for name in names if name and "lint/samples" not in name]


def self_test():
    """Each sample says in its first lines as which file it is judged, and which rule it breaks."""
    failed = 0
    untried = {rule.__name__.removeprefix("check_") for rule in RULES}
    samples = sorted(SAMPLES.glob("*.c"))
    for sample in samples:
        shown, rule = re.search(r"as (\S+) breaks (\w+)", sample.read_text()).groups()
        untried.discard(rule)
        found = list(check_file(sample.relative_to(ROOT), Path(shown)))
        # A line marked so must be found itself; otherwise any place in the file will do.
        marked = [number for number, line in enumerate(sample.read_text().splitlines(), 1)
                  if line.endswith("/* bad */")]
        for number in marked or [r"\d+"]:
            if not any(re.search(rf":{number}: \[{rule}\]", line) for line in found):
                print(f"{sample.name}:{number}: rule '{rule}' found nothing")
                failed += 1
    for rule in sorted(untried):
        print(f"rule '{rule}' has no sample")
    print(f"self-test: {len(samples)} samples, {failed + len(untried)} failed")
    return failed + len(untried)


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
