#!/bin/sh
# Sets up what a make target needs, inside the checkout only: .local/uv (the installer), .venv, .venv-sam, .venv-audit.
#
#   local/setup/setup.sh run      what starts the stack              (dependency group local)
#   local/setup/setup.sh test     that, and what tests and checks it (groups local, test, check)
#   local/setup/setup.sh sam      the SAM CLI, in an environment of its own (group sam)
#   local/setup/setup.sh audit    checkov and pip-audit, likewise (group audit)
#
# Does nothing when the environment already agrees with uv.lock. Everything it says goes to stderr.
set -eu
cd "$(dirname "$0")/../.."

say() { echo "$*" >&2; }
fail() { say "error: $*"; exit 1; }

# Prints the interpreter to build with: $PYTHON when given, else the first suitable one on PATH.
find_python() {
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    fail "Python 3.11 or newer is needed and '${PYTHON:-python3}' is not one. Install it, or name it: make PYTHON=/path/to/python3.13 …"
}

install_uv() {
    python=$1
    [ -x .local/uv/bin/uv ] && cmp -s local/setup/uv.txt .local/uv/installed.txt && return
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "this Python has no venv module. On Debian or Ubuntu: apt-get install python3-venv"
    say "Setting up the installer, uv, in .local/uv (once) …"
    rm -rf .local/uv
    "$python" -m venv .local/uv
    .local/uv/bin/python -m pip install --quiet --quiet --disable-pip-version-check --no-deps --only-binary :all: \
        --require-hashes --requirement local/setup/uv.txt >&2
    cp local/setup/uv.txt .local/uv/installed.txt
}

# sync ENVIRONMENT NAME GROUP…: installs the locked groups, unless the environment holds them already.
sync() {
    environment=$1 name=$2
    shift 2
    wanted="$name $(cksum <uv.lock)"
    [ -x .local/uv/bin/uv ] && [ "$(cat "$environment/synced" 2>/dev/null)" = "$wanted" ] && return
    python=$(find_python)
    install_uv "$python"
    say "Setting up $environment from uv.lock (once; a minute or two if nothing is cached) …"
    groups=""
    for group in "$@"; do groups="$groups --group $group"; done
    # Of what sam and the audit install little is ever imported: Python compiles that when it is.
    case $name in run | test) groups="$groups --compile-bytecode" ;; esac
    # shellcheck disable=SC2086  # $groups is a list of options
    TMPDIR=$PWD/.local/uv UV_PROJECT_ENVIRONMENT=$environment UV_PYTHON_DOWNLOADS=never \
        .local/uv/bin/uv sync --locked --quiet --no-default-groups --python "$python" $groups
    echo "$wanted" >"$environment/synced"
}

case ${1:-} in
    run)
        # What holds the test tools holds the stack's too: then there is nothing to take away.
        case $(cat .venv/synced 2>/dev/null) in
            test*) sync .venv test local test check ;;
            *) sync .venv run local ;;
        esac ;;
    test) sync .venv test local test check ;;
    sam) sync .venv-sam sam sam ;;
    audit) sync .venv-audit audit audit ;;
    *) fail "usage: local/setup/setup.sh run|test|sam|audit" ;;
esac
