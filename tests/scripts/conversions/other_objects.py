import datetime
import decimal
import pathlib


class Thing:
    def __repr__(self):
        return "Thing()"


_result = {
    "bytes": b"ab",
    "set": {1},
    "date": datetime.date(2024, 2, 29),
    "decimal": decimal.Decimal("1.10"),
    "path": pathlib.PurePosixPath("/a"),
    "thing": Thing(),
    "class": int,
    "complex": 1j,
}
