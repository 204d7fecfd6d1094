#!/usr/bin/env bash
# Builds and tests with other CPythons: the system's, and those of a Debian sid chroot.
# usage: tests/matrix.sh [VERSION...]    default: system 3.14 3.15
# The chroot is made once, in the user's cache directory, from the mirror that apt uses here.
set -euo pipefail
cd "$(dirname "$0")/.."

versions=("$@")
[ $# -gt 0 ] || versions=(system 3.14 3.15)
root=${XDG_CACHE_HOME:-$HOME/.cache}/qntxpy/sid
packages=(cmake ninja-build gcc g++ libc6-dev pkgconf python3 mandoc libcjson-dev libsqlite3-dev libcmocka-dev
    libpython3.13-dev libpython3.14-dev libpython3.15-dev python3.13 python3.14 python3.15
    python3.14-venv python3.15-venv python3-numpy procps curl gdb)

mirror() { # the archive that this machine's apt asks
    cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
        awk '$1 == "URIs:" {print $2; exit} $1 == "deb" {for (i = 2; i < NF; i++)
            if ($i ~ /^http/) {print $i; exit}}'
}

unmount() {
    umount -q "$root/src" "$root/proc" "$root/dev/pts" "$root/dev" || true
}

prepare() {
    if [ ! -e "$root/.ready" ]; then
        rm -rf "$root"
        debootstrap --variant=minbase sid "$root" "$(mirror)" >"$root.log" 2>&1 ||
            { tail "$root.log"; return 1; }
        cp /etc/resolv.conf /etc/hosts "$root/etc/" || true
        cp -r /etc/apt/apt.conf.d "$root/etc/apt/" 2>/dev/null || true
        local available=()
        chroot "$root" apt-get update -qq >>"$root.log" 2>&1
        for package in "${packages[@]}"; do # sid loses old versions over time
            ! chroot "$root" apt-cache show "$package" >/dev/null 2>&1 || available+=("$package")
        done
        DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get install -y -qq \
            --no-install-recommends "${available[@]}" >>"$root.log" 2>&1 ||
            { tail "$root.log"; return 1; }
        touch "$root/.ready"
    fi
    mkdir -p "$root/src" "$root/build"
    mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
    mountpoint -q "$root/dev" || mount --bind /dev "$root/dev"
    mountpoint -q "$root/dev/pts" || mount --bind /dev/pts "$root/dev/pts"
    mountpoint -q "$root/src" || mount --bind -o ro . "$root/src"
}

in_chroot() {
    chroot "$root" env -i HOME=/tmp PATH=/usr/bin:/bin:/usr/sbin:/sbin TERM=dumb LC_ALL=C.UTF-8 "$@"
}

run_version() { # VERSION: configure, build, test
    local build=/build/$1
    in_chroot cmake -S /src -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
        -DQNTXPY_WERROR=ON "-DQNTXPY_PYTHON=/usr/bin/python$1" >"$root.$1.log" 2>&1 &&
        in_chroot cmake --build "$build" -- --quiet >>"$root.$1.log" 2>&1 ||
        { tail -40 "$root.$1.log"; return 1; }
    in_chroot ctest --test-dir "$build" --output-on-failure
}

failed=()
trap unmount EXIT
for version in "${versions[@]}"; do
    echo "== CPython $version"
    if [ "$version" = system ]; then
        ./dev test || failed+=("$version")
    else
        prepare
        if [ ! -x "$root/usr/bin/python$version" ]; then
            echo "no python$version in this chroot's Debian sid" && failed+=("$version")
            continue
        fi
        run_version "$version" || failed+=("$version")
    fi
done
echo "== ${#versions[@]} versions, failed: ${failed[*]:-none}"
[ ${#failed[@]} -eq 0 ]
