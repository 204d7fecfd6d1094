#!/usr/bin/env bash
# Installs the build and builds hosts against it: through pkg-config, through the CMake package, shared
# and static, and by loading it at run time. usage: run.sh BUILD_DIR
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix

check() { # NAME EXPECTED COMMAND...: it succeeds and prints exactly that
    local output
    output=$("${@:3}") || { echo "$1: failed: $output"; exit 1; }
    [ "$output" = "$2" ] || { echo "$1: unexpected output: $output"; exit 1; }
    echo "$1: ok"
}
embedded=$'hello from a C program\nresult 45, 1 attestation(s)'

cmake --install "$1" --prefix "$work/first" >/dev/null
mv "$work/first" "$prefix" # an installation can be moved
libdir=$(dirname "$(find "$prefix" -name libqntxpy.so)")
export PKG_CONFIG_PATH=$libdir/pkgconfig
version=$(pkg-config --modversion qntxpy)

# shellcheck disable=SC2046
cc -Wall -Werror "$here/embed.c" $(pkg-config --cflags --libs qntxpy) -Wl,-rpath,"$libdir" -o "$work/shared"
check "pkg-config, shared" "$embedded" "$work/shared"
# shellcheck disable=SC2046
cc -Wall -Werror "$here/embed.c" $(pkg-config --cflags qntxpy) "$libdir/libqntxpy.a" \
    $(pkg-config --static --libs qntxpy | sed "s/-lqntxpy//") -o "$work/static"
check "pkg-config, static" "$embedded" "$work/static"

CMAKE_GENERATOR=$(sed -n 's/^CMAKE_GENERATOR:INTERNAL=//p' "$1/CMakeCache.txt")
export CMAKE_GENERATOR # the one that is known to be here
cmake -S "$here" -B "$work/cmake" "-DCMAKE_PREFIX_PATH=$prefix" >/dev/null
cmake --build "$work/cmake" >/dev/null
check "CMake package, shared" "$embedded" "$work/cmake/embed"
check "CMake package, static" "$embedded" "$work/cmake/embed_static"

# shellcheck disable=SC2046
cc -Wall -Werror "$here/load.c" $(pkg-config --cflags qntxpy) -ldl -o "$work/load"
check "loaded and unloaded twice" "loaded $version"$'\n'"loaded $version" \
    "$work/load" "$libdir/libqntxpy.so"
check "loaded, runs a script" "ran" "$work/load" "$libdir/libqntxpy.so" "print('ran')"

check "installed command line" 1 "$prefix/bin/qntxpy" run --code "print(1)"
[ -f "$prefix/share/man/man1/qntxpy.1" ] && [ -f "$prefix/share/qntxpy/python/qntx/py.typed" ]
echo "manual page and type stubs: ok"
