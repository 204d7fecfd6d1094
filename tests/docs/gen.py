#!/usr/bin/env python3
"""Fill the generated blocks of README.md, or check that they are not stale.

    tests/docs/gen.py                  write the error reference from include/qntxpy/status.h
    tests/docs/gen.py --bench FILE     write the table of measurements from bench.py --json FILE, too
    tests/docs/gen.py --check          change nothing; exit with 1 if the error reference is stale

A block stands between <!-- generated: NAME --> and <!-- end: NAME -->.
"""

import argparse
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
README = ROOT / "README.md"
STATUS = ROOT / "include" / "qntxpy" / "status.h"

STRING = r'"((?:[^"\\]|\\.)*)"'
ENTRY = re.compile(rf"X\((\w+), (\d+), {STRING}, {STRING}, {STRING}, {STRING}\)")


def status_table():
    """One row for each X(name, number, text, cause, outcome, action) of QPY_STATUS_MAP."""
    text = STATUS.read_text(encoding="utf-8")
    macro = text.partition("#define QPY_STATUS_MAP(X)")[2].partition("\n\n")[0]
    flat = re.sub(r"\s+", " ", macro.replace("\\\n", " "))
    entries = ENTRY.findall(flat)
    if len(entries) != flat.count("X("):
        sys.exit(f"{STATUS}: {flat.count('X(')} entries, but {len(entries)} could be read")
    lines = ["| Status | Number | Cause | Outcome | What to do |", "|---|---|---|---|---|"]
    for name, number, meaning, cause, outcome, action in entries:
        lines.append(f"| `QPY_{name}`<br>{meaning} | {number} | {cause} | {outcome} | {action} |")
    return "\n".join(lines)


def bench_table(path):
    sys.path.insert(0, str(ROOT / "tests" / "bench"))
    sys.dont_write_bytecode = True
    import bench

    data = json.loads(Path(path).read_text(encoding="utf-8"))
    return f"{bench.describe(data['machine'])}.\n\n{bench.table(data['rows'], markdown=True)}"


def fill(text, name, contents):
    pattern = re.compile(rf"(<!-- generated: {name} -->\n).*?(<!-- end: {name} -->)", re.DOTALL)
    if not pattern.search(text):
        sys.exit(f"{README}: no block {name}")
    return pattern.sub(lambda match: f"{match[1]}{contents}\n{match[2]}", text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only say whether README.md is stale")
    parser.add_argument("--bench", metavar="FILE", help="figures that bench.py wrote with --json")
    options = parser.parse_args()

    before = README.read_text(encoding="utf-8")
    after = fill(before, "errors", status_table())
    if options.bench:
        after = fill(after, "bench", bench_table(options.bench))
    if options.check:
        if after != before:
            sys.exit("README.md is stale: run tests/docs/gen.py")
        return
    README.write_text(after, encoding="utf-8")


if __name__ == "__main__":
    main()
