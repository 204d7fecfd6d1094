"""The docstring."""
from __future__ import annotations

import dataclasses


@dataclasses.dataclass
class Point:
    x: Undefined  # noqa: F821


_result = [__doc__, Point.__annotations__["x"]]
