#!/bin/sh
# Looks for known vulnerabilities in what is deployed: the packages of the layer and of the keeper's image.
# A database that does not answer, or knows nothing, cannot clear anybody. So each is first asked about a release that
# has known ones; where none reports those, the audit is left out, and the last line says so.
set -eu
cd "$(dirname "$0")/../.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
echo "requests==2.19.1" >"$scratch/vulnerable.txt" # CVE-2018-18074, and later ones

audit() { # DATABASE FILE…
    database=$1
    shift
    for file in "$@"; do
        ${PIP_AUDIT:-.venv-audit/bin/pip-audit} --strict --no-deps --disable-pip --progress-spinner off --vulnerability-service "$database" \
            --requirement "$file"
    done
}

for database in pypi osv; do
    if audit "$database" "$scratch/vulnerable.txt" >"$scratch/answer" 2>/dev/null; then continue; fi
    grep -q "^requests *2.19.1" "$scratch/answer" || continue
    audit "$database" layers/typing_relay/requirements.txt functions/guest_keeper/requirements.txt
    exit
done
echo "Left out: pip-audit. Neither PyPI's nor OSV's database of vulnerabilities can be asked from here."
