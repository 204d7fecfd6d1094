import sqlite3

with sqlite3.connect(":memory:") as database:
    database.execute("CREATE TABLE t (n INTEGER)")
    database.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(10)])
    _result = database.execute("SELECT sum(n) FROM t").fetchone()[0]
