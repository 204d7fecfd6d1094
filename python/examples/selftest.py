"""Fails on purpose, to show what a failure looks like.

    qntxpy run python/examples/selftest.py

The traceback names this file, each line with its source. The exit status is 1. With --json the
same is there as data: error_kind, error_type, error_message and frames.
"""

from qntx import attest


def average(values):
    return sum(values) / len(values)


def check_average(case, values, expected):
    actual = average(values)
    assert actual == expected, f"average of {case}: expected {expected}, got {actual}"


def main():
    print("checking averages")
    attest(["selftest:average"], ["started"], ["selftest"])
    check_average("three numbers", [1, 2, 3], 2)
    check_average("one number", [4], 4)
    check_average("two numbers", [1, 2], 2)  # the mistake: it is 1.5
    print("never printed")
