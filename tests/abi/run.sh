#!/usr/bin/env bash
# The shared library exports exactly the symbols listed in symbols.txt, all of them public.
# usage: run.sh LIBRARY [--update]
set -euo pipefail
list=$(dirname "$0")/symbols.txt
exported=$(nm -D --defined-only "$1" | awk '{print $3}' | sort)
[ "${2:-}" != --update ] || { echo "$exported" >"$list"; exit; }
if echo "$exported" | grep -v '^qpy_[a-z]'; then
    echo "the symbols above are exported, but not public"
    exit 1
fi
diff "$list" <(echo "$exported") ||
    { echo "symbols have changed; if that is meant: tests/abi/run.sh $1 --update"; exit 1; }
