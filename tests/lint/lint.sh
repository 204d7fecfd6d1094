#!/usr/bin/env bash
# Formatting, static analysis and the project's own rules.
set -euo pipefail
cd "$(dirname "$0")/../.."

mapfile -t sources < <(git ls-files '*.c' '*.h' ':!tests/lint/samples')
mapfile -t library < <(git ls-files 'src/*.c')

echo "== clang-format"
clang-format --dry-run -Werror "${sources[@]}"

echo "== project rules"
python3 tests/lint/check.py --self-test
python3 tests/lint/check.py
echo "the longest functions:"
python3 tests/lint/check.py --longest

echo "== clang-tidy"
cmake --preset dev >/dev/null # so that compile_commands.json knows every file
printf '%s\n' "${library[@]}" | xargs -P "$(nproc)" -n 8 clang-tidy -p build/dev --quiet 2>/dev/null

echo "== README's generated parts"
python3 tests/docs/gen.py --check

echo "lint: all clean"
