"""Attestations in SQLite: what is stored, what survives, and stores that cannot be used."""

import hashlib
import json
import os
import resource
import signal
import sqlite3
import subprocess
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path

from coded.commands import start, wait_for
from run import compare, ensure

ATTEST = "attest(['s'], ['p'], ['c'], attributes={'n': 2**60})"


@contextmanager
def store():
    with tempfile.TemporaryDirectory() as directory:
        yield os.path.join(directory, "store.db")


def rows(path, sql="SELECT id FROM attestations", *parameters):
    with closing(sqlite3.connect(path, timeout=10)) as database:
        return database.execute(sql, parameters).fetchall()


def digest(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def listed(qntxpy, path, *arguments):
    """The attestations that `qntxpy attestations --json` lists, as an array or one per line."""
    done = qntxpy("attestations", "--store", path, "--json", *arguments)
    compare(0, done.returncode, f"exit status of attestations; {done.stderr}")
    text = done.stdout.strip()
    return json.loads(text) if text.startswith("[") else [json.loads(x) for x in text.split("\n")]


# ---- What is stored ----------------------------------------------------------------------------


def test_layout(qntxpy):
    """The tables are QNTX's, with the strings in the junction tables."""
    code = "attest(['a', 'b'], ['p'], ['c'], ['me'], {'n': 2**60, 'f': 1.0})"
    with store() as path:
        result, _ = qntxpy.run("--store", path, "--code", code)
        ((identity, subjects, actors, source, attributes),) = rows(
            path, "SELECT id, subjects, actors, source, attributes FROM attestations"
        )
        compare([identity], result["attestations"]["ids"], "id")
        compare([["a", "b"], ["me"]], [json.loads(subjects), json.loads(actors)], "lists")
        compare(["python", {"n": 2**60, "f": 1.0}], [source, json.loads(attributes)], "columns")
        names = rows(path, "SELECT subject FROM attestation_subjects ORDER BY subject")
        compare(["a", "b"], [name for (name,) in names], "attestation_subjects")
        compare([("wal",)], rows(path, "PRAGMA journal_mode"), "journal mode")


def test_from_run_to_run(qntxpy):
    with store() as path:
        qntxpy.run("--store", path, "--code", ATTEST)
        result, _ = qntxpy.run("--store", path, "--code", "_result = last(['S'])['attributes']")
    compare({"n": 2**60}, result["result"], "read by a later run")


def test_with_job(qntxpy):
    with store() as path:
        arguments = ("--store", path, "--attest", "with_job", "--code")
        qntxpy.run(*arguments, f"{ATTEST}\n{ATTEST}\n1 / 0")
        compare(0, len(rows(path)), "attestations of a failed job")
        qntxpy.run(*arguments, f"{ATTEST}\n{ATTEST}")
        compare(2, len(rows(path)), "attestations of a successful job")


def test_listing(qntxpy):
    code = "for n in range(3): attest([f's:{n}'], ['p', f'q:{n}'], ['c'], ['me'])"
    with store() as path:
        qntxpy.run("--store", path, "--code", code)
        for arguments, subjects in [
            ([], ["s:2", "s:1", "s:0"]),
            (["--subject", "s:1"], ["s:1"]),
            (["--predicate", "q:0"], ["s:0"]),
            (["--subject", "S:1", "--subject", "s:2"], ["s:2", "s:1"]),
            (["--context", "c", "--limit", "1"], ["s:2"]),
            (["--actor", "nobody"], []),
        ]:
            found = [each["subjects"][0] for each in listed(qntxpy, path, *arguments)]
            compare(subjects, found, f"attestations {arguments}")
        table = qntxpy("attestations", "--store", path).stdout
        compare({"$contains": ["s:0", "s:1", "s:2", "q:2"]}, table, "table")


def test_two_processes(qntxpy):
    """Two processes write to one store at the same time; nothing is lost."""
    code = f"for _ in range(200): {ATTEST}"
    with store() as path:
        qntxpy.run("--store", path, "--code", "pass")
        processes = [start(qntxpy, "run", "--store", path, "--code", code) for _ in range(2)]
        for process in processes:
            _, stderr = process.communicate(timeout=60)
            compare(0, process.returncode, f"exit status; {stderr}")
        compare(400, len(rows(path)), "attestations")


def test_killed(qntxpy):
    """What attest() returned is stored, even if the process is killed right afterwards."""
    code = f"while True: print({ATTEST}['id'])"
    with store() as path:
        with start(qntxpy, "run", "--store", path, "--code", code) as process:
            seen = [process.stdout.readline().strip() for _ in range(50)]
            process.kill()
            process.communicate()
        stored = {identity for (identity,) in rows(path)}
        ensure(set(seen) <= stored, f"lost: {set(seen) - stored}")
        compare([("ok",)], rows(path, "PRAGMA integrity_check"), "integrity")


def test_killed_with_job(qntxpy):
    code = f"for _ in range(50): {ATTEST}\nprint('made')\nimport time; time.sleep(60)"
    with store() as path:
        arguments = ("run", "--store", path, "--attest", "with_job", "--code", code)
        with start(qntxpy, *arguments) as process:
            compare("made\n", process.stdout.readline(), "first line")
            process.kill()
            process.communicate()
        compare(0, len(rows(path)), "attestations of a killed job")


# ---- Stores that cannot be used ----------------------------------------------------------------


def unusable(qntxpy, path, *words, code=ATTEST):
    done = qntxpy("run", "--store", path, "--code", code)
    ensure(done.returncode in (2, 125), f"exit status {done.returncode}\n{done.stderr}")
    for word in (path, *words):
        compare({"$contains": word}, done.stderr, "message")


def test_no_directory(qntxpy):
    unusable(qntxpy, "/nonexistent/store.db")


def test_directory_as_store(qntxpy):
    unusable(qntxpy, "/usr")


def test_unwritable(qntxpy):
    unusable(qntxpy, "/proc/store.db")


def test_corrupt(qntxpy):
    with store() as path:
        Path(path).write_bytes(b"this is no database " * 500)
        before = digest(path)
        unusable(qntxpy, path)
        compare(before, digest(path), "the file must not be changed")


def test_corrupt_pages(qntxpy):
    """A store that is damaged inside gives an error, no crash."""
    with store() as path:
        qntxpy.run("--store", path, "--code", f"for _ in range(500): {ATTEST}")
        rows(path, "PRAGMA wal_checkpoint(TRUNCATE)")
        data = bytearray(Path(path).read_bytes())
        data[4096:] = os.urandom(len(data) - 4096)
        Path(path).write_bytes(data)
        done = qntxpy("run", "--store", path, "--code", ATTEST)
        ensure(done.returncode in (1, 2, 125), f"exit status {done.returncode}")
        compare({"$regex": "malformed|corrupt|not a database"}, done.stderr, "message")


def test_foreign(qntxpy):
    with store() as path:
        with closing(sqlite3.connect(path)) as database:
            database.execute("CREATE TABLE attestations (note TEXT)")
            database.execute("CREATE TABLE recipes (name TEXT)")
            database.commit()
        before = digest(path)
        unusable(qntxpy, path)
        compare(before, digest(path), "the file must not be changed")


def test_locked(qntxpy):
    """A store another process keeps locked fails the call, and works again once it is free."""
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "store.db")
        code = f"""
            import os, pathlib, time
            def sign(name): pathlib.Path({directory!r}, name).touch()
            def wait(name):
                while not os.path.exists(os.path.join({directory!r}, name)): time.sleep(0.01)
            {ATTEST}
            sign("ready"); wait("locked")
            try:
                {ATTEST}
            except RuntimeError as error:
                print(error)
            sign("refused"); wait("free")
            {ATTEST}
        """.replace("\n            ", "\n")
        with start(qntxpy, "run", "--store", path, "--code", code) as process:
            wait_for(os.path.join(directory, "ready"))
            with closing(sqlite3.connect(path, isolation_level=None)) as database:
                database.execute("BEGIN IMMEDIATE")
                Path(directory, "locked").touch()
                wait_for(os.path.join(directory, "refused"), seconds=25)
                database.execute("ROLLBACK")
            Path(directory, "free").touch()
            stdout, stderr = process.communicate(timeout=30)
        compare(0, process.returncode, f"exit status; {stderr}")
        compare({"$regex": r"(?i)busy|locked"}, stdout, "message of the refused call")
        compare(2, len(rows(path)), "attestations")


FILL = """
import os
made = 0
try:
    for made in range(20_000):
        attest([f"s:{made}"], ["p"], ["c"], attributes={"filler": "x" * 4000})
    message = "the store never filled up"
except RuntimeError as error:
    message = str(error)
FREE
_result = [made, message, again]
"""


def test_full_disk(qntxpy):
    """A full disk fails the call; what was stored stays; with space, the same job goes on."""
    with tempfile.TemporaryDirectory() as directory:
        mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", directory]
        if subprocess.run(mount, stderr=subprocess.DEVNULL).returncode != 0:
            return limited_file_size(qntxpy, directory)
        try:
            spare = Path(directory, "spare")
            spare.write_bytes(b"x" * 2_000_000)
            free = f"os.remove({str(spare)!r})\nagain = {ATTEST}['id'][:3]"
            path = os.path.join(directory, "store.db")
            result, _ = qntxpy.run("--store", path, "--code", FILL.replace("FREE", free))
            compare([{"$type": "int"}, {"$regex": "(?i)full"}, "AS-"], result["result"], "result")
            compare(result["result"][0] + 1, len(rows(path)), "attestations")
        finally:
            subprocess.run(["umount", directory], check=True)


def limited_file_size(qntxpy, directory):
    """Where nothing can be mounted: a limit on the size of files, which SQLite sees as an I/O error."""

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))

    path = os.path.join(directory, "store.db")
    code = FILL.replace("FREE", "again = None")
    result, _ = qntxpy.run("--store", path, "--code", code, preexec_fn=limit)
    compare(True, result["success"], f"success: {result['error']}")
    compare({"$regex": "(?i)full|i/o|too large"}, result["result"][1], "message")
    compare(result["result"][0], len(rows(path)), "attestations")
    compare([("ok",)], rows(path, "PRAGMA integrity_check"), "integrity")


def test_deleted_while_running(qntxpy):
    """A store whose file is gone gives an error or goes on; it never takes the host down."""
    with store() as path:
        code = f"import os\n{ATTEST}\nos.remove({path!r})\ntry:\n    {ATTEST}\nexcept RuntimeError: pass"
        begin = time.monotonic()
        _, status = qntxpy.run("--store", path, "--code", code)
        ensure(status in (0, 1), f"exit status {status}")
        ensure(time.monotonic() - begin < 30, "took too long")
