"""Attest the rows of a CSV file, with the type of each column worked out from its values.

    qntxpy run python/examples/ingest_csv.py --input '{"path": "python/examples/input/sensors.csv"}'
    qntxpy run python/examples/ingest_csv.py --input '{"text": "id,temp\\nroof,21.5\\n"}'

Input: "path" or "text"; and, if wanted, "subject" (the column that names a row; default: the first
one), "predicate" (default "measured") and "context" (default: the file's name, or "csv:inline").
"""

import csv
import io
import math
import os
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from qntx import attest, job, progress


def to_bool(text):
    return {"true": True, "false": False, "yes": True, "no": False}[text.lower()]


def to_float(text):
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)  # "nan" is a word in some files, and no number in JSON
    return value


# From the narrowest type to the widest: the first one that accepts every value of a column wins.
# Dates are checked, but stay text: JSON has no date.
CONVERTERS: list[tuple[str, Callable[[str], Any]]] = [
    ("bool", to_bool),
    ("int", int),
    ("float", to_float),
    ("date", lambda text: date.fromisoformat(text).isoformat()),
    ("datetime", lambda text: datetime.fromisoformat(text).isoformat()),
]


def column_type(values):
    """Return (type name, converter) for the values of one column. Empty values do not count."""
    present = [value for value in values if value != ""]
    for name, convert in CONVERTERS:
        try:
            for value in present:
                convert(value)
        except (ValueError, KeyError):
            continue
        if present:
            return name, convert
    return "text", str


def read_rows(source):
    """Return the header and the rows. A row of another length is an error that names its line."""
    reader = csv.reader(source, strict=True)
    header = next(reader, None)
    if not header:
        raise ValueError("the CSV is empty: a header line is needed")
    rows = []
    for row in reader:
        if row and len(row) != len(header):
            raise ValueError(
                f"line {reader.line_num}: {len(row)} values, but the header names {len(header)}"
            )
        if row:
            rows.append(row)
    return header, rows


def open_source(options):
    """Return the text to read and the name to use as context."""
    if "text" in options:
        return io.StringIO(options["text"]), "csv:inline"
    if "path" in options:
        return open(options["path"], encoding="utf-8-sig", newline=""), (
            "csv:" + os.path.basename(options["path"])
        )
    raise ValueError("input needs 'path' (a CSV file) or 'text' (its contents)")


def main():
    options = job.input or {}
    source, name = open_source(options)
    with source:
        header, rows = read_rows(source)

    key = options.get("subject", header[0])
    if key not in header:
        raise ValueError(f"no column {key!r} to name a row; there are: {', '.join(header)}")
    types = {
        column: column_type([row[index] for row in rows]) for index, column in enumerate(header)
    }

    for number, row in enumerate(rows, start=1):
        values = {
            column: types[column][1](text) if text else None for column, text in zip(header, row)
        }
        attest(
            subjects=[f"{key}:{values.pop(key)}"],
            predicates=[options.get("predicate", "measured")],
            contexts=[options.get("context", name)],
            attributes=values,
        )
        if number % 100 == 0 or number == len(rows):
            progress(number, len(rows))

    for column, (kind, _) in types.items():
        print(f"{column:<16} {kind}")
    return {"rows": len(rows), "columns": {column: kind for column, (kind, _) in types.items()}}
