#!/bin/sh
# Every check and every test, with the real parts. Called by ./dev test as: run.sh VENV [PYTEST-ARG...]
#
# What the tests need is installed and started here where it is missing (root on Debian); a part that cannot be had makes
# its tests fail, never skip.
set -eu
venv=$1
shift
here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$here"

need() { # need PROGRAM PACKAGE: install PACKAGE where PROGRAM is missing
    command -v "$1" >/dev/null 2>&1 || ls $1 >/dev/null 2>&1 || missing="$missing $2"
}
missing=
need git git
need systemd-analyze systemd
need '/usr/lib/postgresql/*/bin/initdb' postgresql
need sshd openssh-server
need openssl openssl
if [ -n "$missing" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing$missing"
    apt-get -qq -o DPkg::Lock::Timeout=300 update
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
        install --no-install-recommends $missing >/dev/null
fi
if [ "$(id -u)" = 0 ]; then sh "$here/reconciler/adapters/incus/setup.sh"; fi

if [ $# -gt 0 ]; then exec "$venv/bin/python" -m pytest "$@"; fi
"$venv/bin/ruff" format --check .
"$venv/bin/ruff" check .
"$venv/bin/mypy"
"$venv/bin/lint-imports" --no-cache
exec "$venv/bin/python" -m pytest --durations=15 tests
