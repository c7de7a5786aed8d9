# Sourced by the scripts beside it.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
repository=$PWD

say() { printf '==> %s\n' "$*" >&2; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# step WORDS COMMAND...: one progress line, the command, and how long it took; its output only when it fails.
step() {
    local words=$1 log started=$SECONDS
    shift
    log=$(mktemp)
    printf '==> %s … ' "$words" >&2
    if "$@" >"$log" 2>&1; then
        printf '%d s\n' $((SECONDS - started)) >&2
        rm -f "$log"
    else
        printf 'failed after %d s\n' $((SECONDS - started)) >&2
        cat "$log" >&2
        rm -f "$log"
        return 1
    fi
}
