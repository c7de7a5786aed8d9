#!/usr/bin/env bash
# build.sh BIN DIRECTORY [VERSION]: makes timber_VERSION_ARCH.deb in DIRECTORY from the executables in BIN, and prints its path. VERSION: what
# timberd says of itself. DEB_COMPRESSION: gzip for a package that is used once.
source "$(dirname "${BASH_SOURCE[0]}")/../../.ci/lib.sh"
(($# == 2 || $# == 3)) || die "usage: $0 BIN DIRECTORY [VERSION]"
bin=$1 directory=$(realpath -m "$2")
[[ -x $bin/timberd && -x $bin/tctl && -x $bin/timber-shim ]] || die "$bin has no timberd, tctl or timber-shim: make release"
said=$("$bin/timberd" --version)
version=${3:-$said}
[[ $("$bin/tctl" --version) == "tctl version $said" ]] || die "timberd is $said, but $("$bin/tctl" --version): build both"

# Files are as old as the commit: the same sources make the same package.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
umask 022
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
package=$work/debian/timber
doc=$package/usr/share/doc/timber
mkdir -p "$package/DEBIAN" "$doc" "$package/usr/share/lintian/overrides"

make -s install-files PREFIX=/usr DESTDIR="$package" release_bin="$bin" zsh_completions=share/zsh/vendor-completions >&2
strip --strip-unneeded "$package/usr/bin/timberd" "$package/usr/bin/tctl" "$package/usr/libexec/timber/timber-shim"
gzip -9n "$package"/usr/share/man/man?/*
# It is read by a shell that runs already.
sed -i '1{/^#!/d}' "$package/usr/share/bash-completion/completions/tctl"
cp systemd/debian/copyright "$doc/"
cp systemd/debian/lintian-overrides "$package/usr/share/lintian/overrides/timber"
cat >"$work/debian/changelog" <<CHANGELOG
timber ($version) unstable; urgency=medium

  * Timber $version; README.md and docs/ in its sources tell what is in it.

 -- ${DEBFULLNAME:-Timber} <${DEBEMAIL:-timber@packages.invalid}>  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
CHANGELOG
gzip -9nc "$work/debian/changelog" >"$doc/changelog.gz"

cp systemd/debian/control "$work/debian/"
cp systemd/debian/{postinst,prerm,postrm} "$package/DEBIAN/"
chmod 755 "$package"/DEBIAN/*
(cd "$package" && find etc -type f -printf '/%p\n' >DEBIAN/conffiles && find usr -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
(
    cd "$work"
    dpkg-shlibdeps -Tdebian/substvars debian/timber/usr/bin/timberd
    dpkg-gencontrol -Tdebian/substvars -Pdebian/timber -ptimber -V"timber:Maintainer=${DEBFULLNAME:-Timber} <${DEBEMAIL:-timber@packages.invalid}>"
) >&2
chmod -R go=rX "$package/DEBIAN"
mkdir -p "$directory"
dpkg-deb --root-owner-group -Z"${DEB_COMPRESSION:-xz}" --build "$package" "$directory" >&2
echo "$directory/timber_${version}_$(dpkg --print-architecture).deb"
