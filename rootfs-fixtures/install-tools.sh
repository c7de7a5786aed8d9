#!/usr/bin/env bash
# Installs what the fixture scripts need, from Debian 12. Nothing is asked of apt when everything is there.
set -euo pipefail

packages=(
    buildah skopeo umoci   # Debian's own image tools
    ca-certificates        # pip speaks TLS
    attr libcap2-bin       # setfattr, setcap: variants with xattrs and file capabilities
    python3 python3-pip    # wheels, and the archives no tool writes
    xz-utils zstd
)

missing=()
for package in "${packages[@]}"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0

((EUID == 0)) || { echo "cannot install ${missing[*]}: run as root" >&2; exit 1; }
echo "==> installing ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
