import time

before = time.time_ns() // 1_000_000
claim = attest(["package:bash"], ["installed"], ["version:5.2"], attributes={"size": 7})
after = time.time_ns() // 1_000_000
_result = [
    {name: value for name, value in claim.items() if name not in ("id", "timestamp", "actors")},
    sorted(claim),
    claim["id"],
    claim["actors"] == [claim["id"]],
    type(claim["timestamp"]).__name__,
    before <= claim["timestamp"] <= after,
]
