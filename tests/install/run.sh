#!/usr/bin/env bash
# Installs the build and builds a host against it: through pkg-config, through the CMake package, shared
# and static, and by loading it at run time. usage: run.sh BUILD_DIR
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix

check() { # NAME COMMAND...: the host prints what it must
    local output
    output=$("${@:2}")
    if [ "$output" != $'hello from a C program\nresult 45, 1 attestation(s)' ]; then
        echo "$1: unexpected output: $output"
        exit 1
    fi
    echo "$1: ok"
}

cmake --install "$1" --prefix "$prefix" >/dev/null
libdir=$(dirname "$(find "$prefix" -name libqntxpy.so | head -1)")
export PKG_CONFIG_PATH=$libdir/pkgconfig

# shellcheck disable=SC2046
cc -Wall -Werror "$here/embed.c" $(pkg-config --cflags --libs qntxpy) -Wl,-rpath,"$libdir" -o "$work/shared"
check "pkg-config, shared" "$work/shared"
# shellcheck disable=SC2046
cc -Wall -Werror "$here/embed.c" $(pkg-config --cflags qntxpy) "$libdir/libqntxpy.a" \
    $(pkg-config --static --libs qntxpy | sed "s/-lqntxpy//") -o "$work/static"
check "pkg-config, static" "$work/static"

cmake -G Ninja -S "$here" -B "$work/cmake" "-DCMAKE_PREFIX_PATH=$prefix" >/dev/null
cmake --build "$work/cmake" >/dev/null
check "CMake package, shared" "$work/cmake/embed"
check "CMake package, static" "$work/cmake/embed_static"

cc -Wall -Werror "$here/load.c" -ldl -o "$work/load"
[ "$("$work/load" "$libdir/libqntxpy.so" | sort -u | wc -l)" = 1 ]
echo "loaded and unloaded twice: ok"

[ -x "$prefix/bin/qntxpy" ]
test "$("$prefix/bin/qntxpy" run --json --code '_result = 1' | grep -c '"success":true')" = 1
echo "installed command line: ok"
[ -n "$(find "$prefix" -name qntxpy.1)" ] && [ -n "$(find "$prefix" -name __init__.pyi)" ]
echo "manual page and type stubs: ok"
