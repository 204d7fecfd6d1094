#!/usr/bin/env python3
"""Tests of the program `qntxpy` as its users call it, each in a process of its own.

    tests/cli/test_cli.py --qntxpy build/dev/qntxpy [unittest's arguments]
"""

import argparse
import sys
import unittest

import harness
from cases_attestations import *  # noqa: F403
from cases_batch import *  # noqa: F403
from cases_help import *  # noqa: F403
from cases_run import *  # noqa: F403
from cases_signals import *  # noqa: F403
from cases_usage import *  # noqa: F403

if __name__ == "__main__":
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--qntxpy", required=True)
    options, rest = parser.parse_known_args()
    harness.use(options.qntxpy)
    unittest.main(argv=[sys.argv[0], *rest])
