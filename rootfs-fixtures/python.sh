#!/usr/bin/env bash
# python:3, about 74 MB: Debian's python3 closure with distutils, resolved as on a machine that has nothing, and pip
# from its wheel. Three layers: a small Debian, Python, pip. → out/python.tar
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

archive=$out/python.tar
base=(base-files base-passwd bash ca-certificates coreutils dash debianutils findutils grep gzip hostname libc-bin netbase
    sed tar tzdata)
python=(python3 python3-distutils)
base_closure=$(resolve "${base[@]}")
full_closure=$(resolve "${base[@]}" "${python[@]}")
hash=$(fingerprint "$full_closure" "$(<"$here/pip-requirements.txt")")
up_to_date python "$hash" "$archive" "$out/layouts/python" && exit 0

say "python: fetching Debian's packages"
fetch "${base[@]}" "${python[@]}"
say "python: fetching pip"
wheels "$here/pip-requirements.txt"

root=$scratch/root
mkdir -p "$root"/usr/{bin,sbin,lib,lib64}
for directory in bin sbin lib lib64; do ln -s "usr/$directory" "$root/$directory"; done

say "python: unpacking a small Debian"
mapfile -t debs < <(awk '{print $2}' <<<"$base_closure")
unpack "$root" "${debs[@]}"
# What the maintainers' scripts would have done.
ln -sf dash "$root/usr/bin/sh"
cp "$root/usr/share/base-passwd/passwd.master" "$root/etc/passwd"
cp "$root/usr/share/base-passwd/group.master" "$root/etc/group"
sed 's/:.*/:*:19000:0:99999:7:::/' "$root/etc/passwd" >"$root/etc/shadow"
chmod 0640 "$root/etc/shadow"
chown 0:42 "$root/etc/shadow"
mkdir -p "$root/etc/ssl/certs" "$root/usr/local/bin" "$root/root" "$root/tmp" "$root/home"
find "$root/usr/share/ca-certificates" -name '*.crt' | sort | xargs cat >"$root/etc/ssl/certs/ca-certificates.crt"
chmod 1777 "$root/tmp" "$root/var/tmp"
printf '127.0.0.1\tlocalhost\n' >"$root/etc/hosts"
ln -sf /usr/share/zoneinfo/Etc/UTC "$root/etc/localtime"
# Documentation is not what a container is for.
rm -rf "$root"/usr/share/{doc,man,info,locale,lintian,bug,bash-completion,doc-base,pixmaps,menu} "$root"/var/lib/dpkg/info
paths "$root" >"$scratch/base"
layer "$root" "$scratch/base" >"$scratch/base.tar"

say "python: unpacking Python"
mapfile -t debs < <(comm -13 <(awk '{print $2}' <<<"$base_closure" | sort) <(awk '{print $2}' <<<"$full_closure" | sort))
unpack "$root" "${debs[@]}"
rm -rf "$root"/usr/share/{doc,man,info,locale,lintian,applications,pixmaps,menu} "$root/usr/lib/python3.11/EXTERNALLY-MANAGED"
ln -sf python3 "$root/usr/bin/python"
compile "$root" /usr/lib/python3.11 /usr/lib/python3
paths "$root" >"$scratch/python"
added "$scratch/base" "$scratch/python" >"$scratch/python.new"
layer "$root" "$scratch/python.new" >"$scratch/python.tar"

say "python: installing pip"
install_wheels "$root" "$here/pip-requirements.txt"
paths "$root" >"$scratch/pip"
added "$scratch/python" "$scratch/pip" >"$scratch/pip.new"
layer "$root" "$scratch/pip.new" >"$scratch/pip.tar"

say "python: writing the image"
layout=$scratch/python.oci
umoci init --layout "$layout"
umoci new --image "$layout:3"
add_layer "$layout:3" "$scratch/base.tar" "ADD debian in /"
add_layer "$layout:3" "$scratch/python.tar" "ADD python3 in /"
add_layer "$layout:3" "$scratch/pip.tar" "RUN python3 pip.whl/pip install pip"
configure "$layout:3" --config.cmd python3 --config.env LANG=C.UTF-8 \
    --config.env PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin
umoci gc --layout "$layout"

docker_archive "$layout:3" "$archive" python:3
mkdir -p "$out/layouts"
rm -rf "$out/layouts/python"
mv "$layout" "$out/layouts/python"
made python "$hash"
say "python: $archive, $(du -h "$archive" | cut -f1)"
