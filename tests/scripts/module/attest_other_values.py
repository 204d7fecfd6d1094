import datetime
import decimal
import enum

import qntx


class Level(enum.IntEnum):
    HIGH = 3


qntx.attest(
    ["s"],
    ["p"],
    ["c"],
    attributes={
        "tuple": (1, (2, "x")),
        "date": datetime.datetime(2024, 2, 29, 12),
        "decimal": decimal.Decimal("1.10"),
        "set": {1},
        "bytes": b"ab",
        "level": Level.HIGH,
    },
)
_result = qntx.last()["attributes"]
