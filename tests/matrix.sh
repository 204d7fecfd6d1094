#!/usr/bin/env bash
# Builds and tests with other CPythons: the system's, and those of a Debian sid chroot.
# usage: tests/matrix.sh [VERSION...]          default: system 3.14 3.15
#        tests/matrix.sh shell [COMMAND...]    in the chroot; sources in /src, builds in /build/VERSION
# The chroot is made once, in the user's cache directory, from the mirror that apt uses here.
set -euo pipefail
cd "$(dirname "$0")/.."

root=${XDG_CACHE_HOME:-$HOME/.cache}/qntxpy/sid
log=build/matrix/log
packages=(cmake ninja-build gcc g++ libc6-dev pkgconf python3 mandoc libcjson-dev libsqlite3-dev libcmocka-dev
    libpython3.13-dev libpython3.14-dev libpython3.15-dev python3.13 python3.14 python3.15
    python3.14-venv python3.15-venv python3-numpy procps curl gdb)

mirror() { # the archive that this machine's apt asks
    cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
        awk '$1 == "URIs:" {print $2; exit} $1 == "deb" {for (i = 2; i < NF; i++)
            if ($i ~ /^http/) {print $i; exit}}'
}

quietly() { # COMMAND...: its output is shown only when it fails
    "$@" >"$log" 2>&1 || { tail -40 "$log"; return 1; }
}

in_chroot() {
    chroot "$root" env -i HOME=/tmp PATH=/usr/bin:/bin:/usr/sbin:/sbin TERM="${TERM:-dumb}" \
        LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}

bootstrap() {
    if grep -q " $root/" /proc/self/mounts; then
        echo "something is mounted in $root: not removing it"
        return 1
    fi
    rm -rf "$root" &&
        debootstrap --variant=minbase sid "$root" "$(mirror)" &&
        cp /etc/resolv.conf /etc/hosts "$root/etc/" &&
        cp -r /etc/apt/apt.conf.d "$root/etc/apt/" &&
        touch "$root/.ready"
}

install_packages() {
    local available=()
    in_chroot apt-get update -qq || return 1
    for package in "${packages[@]}"; do # sid loses old versions over time
        ! in_chroot apt-cache show "$package" >/dev/null 2>&1 || available+=("$package")
    done
    in_chroot apt-get install -y -qq --no-install-recommends "${available[@]}" &&
        echo "${packages[*]}" >"$root/.ready"
}

# The mounts are in a namespace of this process alone: they are gone when it ends, however it ends.
mount_all() {
    mkdir -p "$root/src" "$root/build" build/matrix
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount --bind -o ro . "$root/src"
    mount --bind build/matrix "$root/build"
}

compile() { # VERSION
    in_chroot cmake -S /src -B "/build/$1" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
        -DQNTXPY_WERROR=ON "-DQNTXPY_PYTHON=/usr/bin/python$1" &&
        in_chroot cmake --build "/build/$1" -- --quiet
}

build_and_test() { # VERSION
    if [ ! -x "$root/usr/bin/python$1" ]; then
        echo "no python$1 in this chroot's Debian sid"
        return 1
    fi
    quietly compile "$1" && in_chroot ctest --test-dir "/build/$1" --output-on-failure
}

# --inside: this same script, in its namespace.
if [ "${1:-}" = --inside ]; then
    mkdir -p build/matrix
    [ -e "$root/.ready" ] || quietly bootstrap
    mount_all
    [ "$(cat "$root/.ready")" = "${packages[*]}" ] || quietly install_packages
    if [ "$2" = shell ]; then
        in_chroot "${@:3}"
    else
        build_and_test "$2"
    fi
    exit
fi

inside() {
    local as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo "--preserve-env=HOME,XDG_CACHE_HOME")
    "${as_root[@]}" unshare --mount tests/matrix.sh --inside "$@"
}

if [ "${1:-}" = shell ]; then
    [ $# -gt 1 ] || set -- shell bash
    inside "$@"
    exit
fi
[ $# -gt 0 ] || set -- system 3.14 3.15
failed=()
for version in "$@"; do
    echo "== CPython $version"
    if [ "$version" = system ]; then
        ./dev test || failed+=("$version")
    else
        inside "$version" || failed+=("$version")
    fi
done
echo "== $# versions, failed: ${failed[*]:-none}"
[ ${#failed[@]} -eq 0 ]
