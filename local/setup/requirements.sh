#!/bin/sh
# Writes the requirements files that deployments are built of, from uv.lock: the layer's and the keeper image's.
# --check: says whether they are current.
set -eu
cd "$(dirname "$0")/../.."

export_requirements() { # GROUP
    echo "# Made by local/setup/requirements.sh from uv.lock, dependency group \"$1\"."
    .local/uv/bin/uv export --quiet --frozen --only-group "$1" --no-header --no-annotate
}

check() { # GROUP FILE
    export_requirements "$1" | cmp -s - "$2" && return
    echo "error: $2 is not what uv.lock says. Run local/setup/requirements.sh and commit it." >&2
    exit 1
}

each_with() { # what to do with each GROUP and FILE
    "$1" layer layers/typing_relay/requirements.txt
    "$1" keeper functions/guest_keeper/requirements.txt
}

write() { export_requirements "$1" >"$2"; }

if [ "${1:-}" = --check ]; then each_with check; else each_with write; fi
