#!/usr/bin/env bash
# make.sh [busybox|python|tutorial|variants]...: makes the named fixtures, by default all of them.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
all=(busybox python tutorial variants)

"$here/install-tools.sh"
(($#)) || set -- "${all[@]}"
for name in "$@"; do
    [[ " ${all[*]} " == *" $name "* ]] || { echo "no fixture is called $name: there are ${all[*]}" >&2; exit 2; }
    "$here/$name.sh"
done
