#!/bin/sh
# Writes layers/typing_relay/requirements.txt from the group "layer" of uv.lock; --check: says whether it is current.
set -eu
cd "$(dirname "$0")/.."
FILE=layers/typing_relay/requirements.txt

export_requirements() {
    echo "# Made by local/requirements.sh from uv.lock: what the layer is built of."
    .local/uv/bin/uv export --quiet --frozen --only-group layer --no-header --no-annotate
}

if [ "${1:-}" = --check ]; then
    export_requirements | cmp -s - "$FILE" && exit
    echo "error: $FILE is not what uv.lock says. Run local/requirements.sh and commit it." >&2
    exit 1
fi
export_requirements >"$FILE"
