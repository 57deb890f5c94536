#!/bin/sh
# Makes .venv what uv.lock says. Once it is, this takes no time and no network.
set -eu
cd "$(dirname "$0")/.."

uv_version=0.13.9
stamp=".venv/.made-from-$( (cat uv.lock; pwd) | cksum | tr -cd '0-9')"
[ -f "$stamp" ] && exit 0

fail() {
    echo "$1" >&2
    exit 5
}

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    [ -z "${PYTHON:-}" ] || command -v "$PYTHON" >/dev/null || fail "PYTHON is $PYTHON: there is no such program"
    too_old=""
    for candidate in ${PYTHON:+"$PYTHON"} python3.13 python3.12 python3.11 python3; do
        found=$(command -v "$candidate") || continue
        version=$("$found" -V 2>/dev/null) || continue # a shim of a Python that is not installed
        if is_new_enough "$found"; then
            echo "$found"
            return
        fi
        too_old="$found is $version; "
        [ -z "${PYTHON:-}" ] || break
    done
    fail "${too_old}Python 3.11 or newer is needed: install it, or name one with PYTHON=/path/to/python3.11"
}

check_venv_module() {
    version=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    "$1" -c 'import venv, ensurepip' 2>/dev/null ||
        fail "$1 cannot make a virtual environment: install the package python$version-venv (Debian: apt install python$version-venv)"
}

make_environment() {
    [ -w . ] || fail "$PWD is read-only: .venv cannot be made in it"
    python=$(find_python) || exit 5
    check_venv_module "$python"
    echo "Making .venv with $python (about half a minute, once)" >&2
    rm -f .venv/.made-from-*
    # a new interpreter or a moved checkout means a new environment; an old one that still works is brought up to date
    .venv/bin/python -m pip --version >/dev/null 2>&1 || "$python" -m venv --clear .venv || fail "$python -m venv .venv failed"
}

install_packages() {
    unset VIRTUAL_ENV
    .venv/bin/python -m uv --version >/dev/null 2>&1 ||
        .venv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$uv_version" ||
        fail "uv could not be installed: is the package registry reachable?"
    # the certificates that this machine trusts, as pip and everything else on it does
    UV_SYSTEM_CERTS=1 UV_PYTHON_DOWNLOADS=never .venv/bin/python -m uv sync --frozen --quiet --python .venv/bin/python ||
        fail "the packages of uv.lock could not be installed: is the package registry reachable?"
}

make_environment
install_packages
: >"$stamp"
