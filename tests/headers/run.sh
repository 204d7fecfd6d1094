#!/usr/bin/env bash
# Each public header compiles alone, as C11 and as C++17, without a warning.
set -euo pipefail
cd "$(dirname "$0")/../../include"
for header in qntxpy/*.h; do
    printf "#include <%s>\ntypedef int nothing;\n" "$header" | cc -std=c11 -Wall -Wextra -Wpedantic -Werror -I. -fsyntax-only -x c -
    printf "#include <%s>\ntypedef int nothing;\n" "$header" | c++ -std=c++17 -Wall -Wextra -Wpedantic -Werror -I. -fsyntax-only -x c++ -
    echo "$header: ok"
done
