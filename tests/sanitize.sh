#!/usr/bin/env bash
# The tests with sanitizers. usage: tests/sanitize.sh [asan] [tsan]    default: both
set -euo pipefail
cd "$(dirname "$0")/.."

[ $# -gt 0 ] || set -- asan tsan

# CPython keeps memory until the process ends, and so does an interpreter that is parked because a
# thread of its script may still use it. What else our own code loses is found.
suppressions=$PWD/build/lsan.supp
mkdir -p build
printf 'leak:libpython3\nleak:^park$\n' >"$suppressions"
export LSAN_OPTIONS=suppressions=$suppressions:print_suppressions=0
# Scripts that ask for more memory than there is must fail alone.
export ASAN_OPTIONS=allocator_may_return_null=1 TSAN_OPTIONS=allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1
export QNTXPY_TEST_SCALE=${QNTXPY_TEST_SCALE:-10} # a tenth of the jobs, each being slow

for preset in "$@"; do
    echo "== $preset"
    # Under TSan the command line's suites and the long ones take many minutes and meet no more threads
    # than the others do: QNTXPY_TSAN_ALL=1 runs them all the same.
    options=()
    [ "$preset" != tsan ] || [ -n "${QNTXPY_TSAN_ALL:-}" ] || options=(-E '^(scripts|cli|unit_stress|unit_late_stop)$')
    # TSan has no room for its shadow where addresses are random beyond its map.
    setarch "$(uname -m)" --addr-no-randomize ./dev test "$preset" "${options[@]}"
done
