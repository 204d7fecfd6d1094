#!/usr/bin/env python3
"""Measure the library beside what one would use without it, and print one table.

    tests/bench/bench.py --qntxpy build/release/qntxpy [--json FILE] [--markdown] [--quick]

Every figure stands beside a peer that was measured in the same run on the same machine. The goals
are the project's; nothing here passes or fails, since a shared machine decides the numbers.
"""

import argparse
import concurrent.futures
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CORES = os.cpu_count() or 1

IMPORTS = "import json, re, datetime"
BUSY = "n = 0\nfor i in range(6_000_000):\n    n += i * i % 7\n"
ATTEST = """
from qntx import attest
for n in range({count}):
    attest([f"bench:{{n}}"], ["counted"], ["bench"], attributes={{"n": n}})
"""

# What a script would do without the library: the same record, kept in a list as JSON.
PEER_MEMORY = """
import json, secrets, time
kept = []
def attest(subjects, predicates, contexts, attributes):
    for strings in (subjects, predicates, contexts):
        if not all(isinstance(string, str) for string in strings):
            raise TypeError
    identity = f"AS-{{secrets.token_hex(4).upper()}}"
    kept.append((identity, json.dumps(subjects), json.dumps(predicates), json.dumps(contexts),
                 json.dumps(attributes), time.time_ns() // 1_000_000))
begin = time.perf_counter()
for n in range({count}):
    attest([f"bench:{{n}}"], ["counted"], ["bench"], {{"n": n}})
print(time.perf_counter() - begin)
"""

# The same tables through Python's own sqlite3, one transaction for `batch` records.
PEER_SQLITE = """
import json, secrets, sqlite3, time
db = sqlite3.connect({path!r}, isolation_level=None)
db.execute("PRAGMA journal_mode = WAL")
db.execute("PRAGMA synchronous = {synchronous}")
db.execute("CREATE TABLE attestations (id TEXT PRIMARY KEY, subjects JSON, predicates JSON, contexts JSON,"
           " actors JSON, timestamp DATETIME, source TEXT, attributes JSON, created_at DATETIME)")
for name in ("subject", "predicate", "context", "actor"):
    table = f"attestation_{{name}}s"
    db.execute(f"CREATE TABLE {{table}} (attestation_id TEXT, {{name}} TEXT COLLATE NOCASE)")
    db.execute(f"CREATE INDEX {{table}}_value ON {{table}} ({{name}})")
    db.execute(f"CREATE INDEX {{table}}_id ON {{table}} (attestation_id)")
begin = time.perf_counter()
for n in range({count}):
    if n % {batch} == 0:
        db.execute("BEGIN IMMEDIATE")
    identity = f"AS-{{secrets.token_hex(4).upper()}}-{{n}}"
    now = time.time_ns() // 1_000_000
    row = (identity, json.dumps([f"bench:{{n}}"]), '["counted"]', '["bench"]', json.dumps([identity]), now,
           "python", json.dumps({{"n": n}}), now)
    db.execute("INSERT INTO attestations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    for name, value in (("subject", f"bench:{{n}}"), ("predicate", "counted"), ("context", "bench"), ("actor", identity)):
        db.execute(f"INSERT INTO attestation_{{name}}s VALUES (?, ?)", (identity, value))
    if (n + 1) % {batch} == 0 or n + 1 == {count}:
        db.execute("COMMIT")
print(time.perf_counter() - begin)
"""


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def milliseconds(microseconds):
    return f"{microseconds / 1000:.2f} ms"


def spread(times):
    """Median and 99th percentile of times in microseconds, as text."""
    p99 = percentile(times, 0.99)
    return f"{milliseconds(statistics.median(times))} (p99 {milliseconds(p99)})"


def rate(count, microseconds):
    return count / (microseconds / 1e6)


class Bench:
    """Runs the driver and the peers, and collects the rows of the table."""

    def __init__(self, qntxpy, driver, quick, scratch):
        self.qntxpy = os.path.abspath(qntxpy)
        self.driver = driver
        self.quick = quick
        self.scratch = scratch
        self.rows = []
        where = self.script("import sys; _result = [sys.version, sys.base_exec_prefix, sys.version_info[:2]]")
        self.python_version = where[0].split()[0]
        self.python = f"{where[1]}/bin/python{where[2][0]}.{where[2][1]}"

    def script(self, code):
        done = subprocess.run(
            [self.qntxpy, "run", "--json", "--code", code], check=True, capture_output=True
        )
        return json.loads(done.stdout)["result"]

    def size(self, full, quick):
        return quick if self.quick else full

    def drive(self, *arguments):
        words = [str(argument) for argument in arguments]
        done = subprocess.run([self.driver, *words], stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{self.driver} {words[0]} ended with {done.returncode}")
        return json.loads(done.stdout)

    def plain(self, code):
        """Seconds that plain Python prints for a peer's loop."""
        done = subprocess.run(
            [self.python, "-I", "-c", code], check=True, stdout=subprocess.PIPE, text=True
        )
        return float(done.stdout)

    def spawn(self, count, code):
        return self.drive("spawn", count, self.python, "-I", "-S", "-c", code)["us"]

    def row(self, name, value, peer, ratio, goal, **numbers):
        self.rows.append(
            {"figure": name, "value": value, "peer": peer, "ratio": ratio, "goal": goal, **numbers}
        )
        print(f"  {name}", file=sys.stderr, flush=True)

    # ---- Figures -------------------------------------------------------------------------------

    def latency(self):
        for name, code, goal in [
            ("`pass`, idle warm engine, from submit to result", "pass", ">= 50 times faster"),
            ("`import json, re, datetime`, the same way", IMPORTS, ""),
        ]:
            ours = self.drive("latency", code, self.size(500, 50))["us"]
            peer = self.spawn(self.size(200, 30), code)
            ratio = statistics.median(peer) / statistics.median(ours)
            self.row(
                name,
                spread(ours),
                f"`python3 -I -S -c`: {spread(peer)}",
                f"{ratio:.1f} times faster",
                goal,
                median_us=statistics.median(ours),
                peer_median_us=statistics.median(peer),
            )

    def throughput(self):
        for name, code in [("`pass`", "pass"), ("`import json, re, datetime`", IMPORTS)]:
            count = self.size(500, 60)
            ours = rate(count, self.drive("together", code, count, CORES, 1)["us"][0])
            peer = self.processes_per_second(self.size(100, 20), code)
            self.row(
                f"{name} back to back, {CORES} workers",
                f"{ours:.0f} jobs/s",
                f"processes, {CORES} at a time: {peer:.0f}/s",
                f"{ours / peer:.1f} times as many",
                "",
                per_second=ours,
                peer_per_second=peer,
            )

    def processes_per_second(self, count, code):
        with concurrent.futures.ThreadPoolExecutor(CORES) as pool:
            runs = list(pool.map(lambda _: self.spawn(count, code), range(CORES)))
        return count * CORES / (max(sum(times) for times in runs) / 1e6)

    def parallel(self):
        rounds = self.size(5, 2)
        one = statistics.median(self.drive("together", BUSY, 1, 2, rounds)["us"])
        two = statistics.median(self.drive("together", BUSY, 2, 2, rounds)["us"])
        peer_one = statistics.median(self.spawn(rounds, BUSY))
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            runs = list(pool.map(lambda _: statistics.median(self.spawn(rounds, BUSY)), range(2)))
        self.row(
            "two CPU-bound jobs at once, against one",
            f"{two / 1e6:.2f} s against {one / 1e6:.2f} s",
            f"two processes: {max(runs) / 1e6:.2f} s against {peer_one / 1e6:.2f} s",
            f"{two / one:.2f} times as long (processes: {max(runs) / peer_one:.2f})",
            "<= 1.15 (own GIL)",
            factor=two / one,
            peer_factor=max(runs) / peer_one,
        )

    def memory(self):
        for name, code in [("`pass`", "pass"), ("`import json, re, datetime`", IMPORTS)]:
            count = self.size(5000, 500)
            sizes = self.drive("memory", code, count)
            growth = 100 * (sizes["end_kib"] / sizes["early_kib"] - 1)
            self.row(
                f"resident memory, {count} jobs of {name}",
                f"{sizes['end_kib'] / 1024:.1f} MiB",
                f"after {count // 10} jobs: {sizes['early_kib'] / 1024:.1f} MiB",
                f"{growth:+.1f} %",
                "<= +5 %",
                growth_percent=growth,
            )

    def attest(self):
        with tempfile.TemporaryDirectory(dir=self.scratch) as directory:
            for name, count, way, goal in [
                ("memory", self.size(100_000, 10_000), "immediate", "100,000/s"),
                ("SQLite, each durable on return", self.size(5_000, 500), "immediate", ""),
                ("SQLite, with_job", self.size(50_000, 5_000), "with_job", "10,000/s"),
            ]:
                store = "memory" if name == "memory" else os.path.join(directory, way + ".db")
                code = ATTEST.format(count=count)
                rounds = self.size(3, 1)
                times = self.drive("attest", code, rounds, store, way)["us"]
                ours = rate(count, statistics.median(times))
                peer = self.attest_peer(count, store, way)
                self.row(
                    f"attest() in one job: {name}",
                    f"{ours:,.0f}/s",
                    f"plain Python: {peer:,.0f}/s",
                    f"{ours / peer:.1f} times as many",
                    goal,
                    per_second=ours,
                    peer_per_second=peer,
                )

    def attest_peer(self, count, store, way):
        if store == "memory":
            return count / self.plain(PEER_MEMORY.format(count=count))
        batch = count if way == "with_job" else 1
        code = PEER_SQLITE.format(
            path=store + ".peer", count=count, batch=batch, synchronous="FULL"
        )
        return count / self.plain(code)

    # ---- Report --------------------------------------------------------------------------------

    def machine(self):
        model = platform.machine()
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
        version = subprocess.run([self.qntxpy, "--version"], capture_output=True, text=True).stdout
        return {
            "qntxpy": version.strip(),
            "python": self.python_version,
            "gil": self.script_gil(),
            "cpu": model,
            "cores": CORES,
            "kernel": platform.release(),
            "system": platform.freedesktop_os_release().get("PRETTY_NAME", ""),
            "quick": self.quick,
        }

    def script_gil(self):
        done = subprocess.run([self.qntxpy, "run", "--json", "--code", "pass"], capture_output=True)
        return json.loads(done.stdout)["gil"]


def describe(machine):
    quick = ", short run" if machine["quick"] else ""
    return (
        f"{machine['qntxpy']}, CPython {machine['python']} ({machine['gil']} GIL), "
        f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, "
        f"{machine['system']}{quick}"
    )


COLUMNS = ["figure", "value", "peer", "ratio", "goal"]
TITLES = ["What", "qntxpy", "Peer in the same run", "Result", "Goal"]


def table(rows, markdown):
    cells = [TITLES] + [[row[column] for column in COLUMNS] for row in rows]
    if markdown:
        lines = ["| " + " | ".join(line) + " |" for line in cells]
        return "\n".join([lines[0], "|---" * len(TITLES) + "|", *lines[1:]])
    widths = [max(len(line[i]) for line in cells) for i in range(len(TITLES))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(line, widths)).rstrip() for line in cells]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def find_driver(qntxpy):
    folder = Path(qntxpy).resolve().parent
    for base in (folder, *list(folder.parents)[:2]):
        for path in (base / "qntxpy_bench", *base.glob("tests/**/qntxpy_bench")):
            if path.is_file():
                return str(path)
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--qntxpy", required=True, help="the program to measure")
    parser.add_argument("--driver", help="qntxpy_bench; default: looked for near --qntxpy")
    parser.add_argument("--json", metavar="FILE", help="write the figures to FILE")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument("--quick", action="store_true", help="fewer runs")
    parser.add_argument("--scratch", help="where the databases go; default: the temporary directory")
    parser.add_argument("names", nargs="*", metavar="NAME", help="latency throughput parallel memory attest")
    options = parser.parse_args()
    driver = options.driver or find_driver(options.qntxpy)
    if not driver:
        sys.exit("qntxpy_bench was not found: build the target qntxpy_bench, or give --driver")

    bench = Bench(options.qntxpy, os.path.abspath(driver), options.quick, options.scratch)
    print("measuring:", file=sys.stderr)
    for name in options.names or ["latency", "throughput", "parallel", "memory", "attest"]:
        getattr(bench, name)()

    machine = bench.machine()
    print(describe(machine), table(bench.rows, options.markdown), sep="\n\n")
    if options.json:
        Path(options.json).write_text(
            json.dumps({"machine": machine, "rows": bench.rows}, indent=2) + "\n"
        )


if __name__ == "__main__":
    main()
