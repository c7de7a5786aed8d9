# Sourced by every fixture script: where things go, the cache, Debian packages, deterministic layers, images.
# shellcheck shell=bash
set -euo pipefail
umask 022
export LC_ALL=C TZ=UTC

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
out=${FIXTURES_OUT:-$here/out}
debian_python=/usr/bin/python3

# One instant for every file, layer and image configuration, so that the same packages give the same bytes.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1700000000}
created=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)

say() { printf '==> %s\n' "$*" >&2; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

((EUID == 0)) || die "layers hold files of several owners: run as root"
mkdir -p "$out/cache/debs/partial" "$out/cache/wheels"

# A scratch directory that goes away with the script.
scratch=$(mktemp -d "$out/cache/work.XXXXXX")
trap 'rm -rf --one-file-system "$scratch"' EXIT

# One writer at a time; a script called by another one inherits its lock.
if [[ -z ${FIXTURES_LOCKED:-} ]]; then
    exec 9>"$out/cache/lock"
    flock 9
    export FIXTURES_LOCKED=1
fi

# fingerprint WORDS...: the hash of the words, of the shared code and of the running script.
fingerprint() {
    { printf '%s\n' "$SOURCE_DATE_EPOCH" "$@"; cat "$here/lib/common.sh" "$0"; } | sha256sum | cut -d' ' -f1
}

# up_to_date NAME HASH FILES...: true when FILES exist and were made from HASH.
up_to_date() {
    local name=$1 hash=$2 file
    shift 2
    [[ -f $out/cache/$name.made && $(<"$out/cache/$name.made") == "$hash" ]] || return 1
    for file in "$@"; do [[ -e $file ]] || return 1; done
}

made() { printf '%s\n' "$2" >"$out/cache/$1.made"; }

# resolve PACKAGES...: the closure of PACKAGES on a machine that has nothing yet: "uri file size hash", a line each.
# apt takes two seconds for it, so the answer is kept for as long as its package lists are the same.
resolve() {
    : >"$scratch/status"
    if ! compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null; then
        say "reading Debian's package lists"
        apt-get update -qq
    fi
    local answer
    answer=$out/cache/closure.$({ echo "$@"; stat -c '%n %s %Y' /var/lib/apt/lists/*; } | sha256sum | cut -c1-16)
    if [[ ! -s $answer ]]; then
        apt-get -qq --print-uris -o Dir::State::status="$scratch/status" -o APT::Install-Recommends=false \
            -o Debug::NoLocking=true install "$@" | sort -k2 >"$scratch/closure"
        mv "$scratch/closure" "$answer"
    fi
    cat "$answer"
}

# fetch PACKAGES...: downloads that closure into the cache.
fetch() {
    apt-get -qq -y --download-only -o Dir::State::status="$scratch/status" -o APT::Install-Recommends=false \
        -o Debug::NoLocking=true -o APT::Sandbox::User=root -o Dir::Cache::archives="$out/cache/debs" install "$@" >/dev/null
}

# unpack ROOT FILES...: unpacks packages of the cache into ROOT, whose /bin, /lib, … are links into /usr.
unpack() {
    local root=$1 deb
    shift
    for deb in "$@"; do
        dpkg-deb --fsys-tarfile "$out/cache/debs/$deb" |
            tar -x -p --numeric-owner --keep-directory-symlink -C "$root"
    done
}

# layer ROOT [LIST]: a tar of ROOT on standard output (or of the paths in LIST only), the same for the same content.
layer() {
    local root=$1 list=${2:-}
    [[ -n $list ]] || { list=$scratch/list; paths "$root" >"$list"; }
    tar -c -C "$root" --no-recursion --verbatim-files-from -T "$list" --numeric-owner \
        --mtime="@$SOURCE_DATE_EPOCH" --format=pax --xattrs --xattrs-include='security.capability' --xattrs-include='user.*' \
        --pax-option='exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime'
}

# add_layer LAYOUT:TAG TAR WORDS: appends a layer, with WORDS as its history.
add_layer() {
    umoci raw add-layer --image "$1" --history.created "$created" --history.created_by "$3" "$2" 2>/dev/null
}

# configure LAYOUT:TAG OPTIONS...: umoci config without a history entry, at our instant.
configure() {
    local image=$1
    shift
    umoci config --image "$image" --no-history --created "$created" "$@"
}

# docker_archive LAYOUT:TAG FILE NAME:TAG: what `docker save` writes, replaced in one step.
docker_archive() {
    rm -f "$2.new"
    skopeo copy -q "oci:$1" "docker-archive:$2.new:$3"
    mv "$2.new" "$2"
}

# paths ROOT: every path below ROOT, sorted.
paths() { (cd "$1" && find . -mindepth 1 -printf '%P\n' | sort); }

# added BEFORE AFTER: the paths of a layer that adds what is in AFTER only, with the directories they are in.
added() {
    comm -13 "$1" "$2" | awk '{ print; while (sub(/\/[^\/]*$/, "")) if (!seen[$0]++) print }' | sort -u
}

# wheels REQUIREMENTS: downloads the wheels of a requirements file with hashes: pure Python, so that any pip may do it.
wheels() {
    "$debian_python" -m pip download -q --no-deps --disable-pip-version-check --require-hashes --only-binary=:all: \
        --platform any --implementation py --abi none --python-version 3.11 -d "$out/cache/wheels" -r "$1"
}

# compile ROOT PATHS...: bytecode that is valid whatever the date of its source is.
compile() {
    local root=$1
    shift
    chroot "$root" /usr/bin/python3 -W ignore -m compileall -q --invalidation-mode unchecked-hash \
        -x 'lib2to3/tests|test/bad|_failed' "$@" || die "bytecode of $* does not compile"
}

# install_wheels ROOT REQUIREMENTS: installs wheels of the cache into ROOT, as the image's own Python does it.
install_wheels() {
    local root=$1 requirements=$2 wheels=$1/tmp/wheels pip=
    mkdir "$wheels"
    cp "$out"/cache/wheels/*.whl "$wheels/"
    cp "$requirements" "$wheels/requirements.txt"
    pip=$(cd "$wheels" && echo pip-*.whl)
    chroot "$root" /usr/bin/env -i PATH=/usr/local/bin:/usr/bin HOME=/root PIP_ROOT_USER_ACTION=ignore \
        /usr/bin/python3 "/tmp/wheels/$pip/pip" install -q --no-index --no-deps --no-compile --no-cache-dir \
        --find-links /tmp/wheels --require-hashes -r /tmp/wheels/requirements.txt
    rm -rf "$wheels" "$root/root/.cache"
    # The hash of an installed file is recorded; where it came from is a path of this machine.
    find "$root/usr/local" -name direct_url.json -delete
    compile "$root" /usr/local/lib/python3.11/dist-packages
}
