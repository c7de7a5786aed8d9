#!/usr/bin/env bash
# busybox:latest, about 2 MB: Debian's static busybox, a link for each applet, the usual users. → out/busybox.tar
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

archive=$out/busybox.tar
packages=$(resolve busybox-static)
hash=$(fingerprint "$packages")
up_to_date busybox "$hash" "$archive" "$out/layouts/busybox" && exit 0

say "busybox: making the image"
fetch busybox-static
root=$scratch/root
mkdir -p "$root" "$scratch/package"
mapfile -t debs < <(awk '{print $2}' <<<"$packages")
for deb in "${debs[@]}"; do
    [[ $deb == busybox-static_* ]] && dpkg-deb -x "$out/cache/debs/$deb" "$scratch/package"
done

mkdir -p "$root"/{bin,dev,etc,home,proc,sys,usr/bin,usr/sbin,sbin,var/spool/mail}
mkdir -m 0700 "$root/root"
mkdir -m 1777 "$root/tmp"
install -m 0755 "$scratch/package/bin/busybox" "$root/bin/busybox"
# Hard links, as in the image that everybody knows: one file, three hundred names.
for applet in $("$root/bin/busybox" --list); do
    [[ $applet == busybox ]] || ln "$root/bin/busybox" "$root/bin/$applet"
done
ln -s ../../bin/env "$root/usr/bin/env"

cat >"$root/etc/passwd" <<'END'
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
bin:x:2:2:bin:/bin:/bin/false
sys:x:3:3:sys:/dev:/bin/false
mail:x:8:8:mail:/var/spool/mail:/bin/false
www-data:x:33:33:www-data:/var/www:/bin/false
operator:x:37:37:Operator:/var:/bin/false
nobody:x:65534:65534:nobody:/home:/bin/false
END
cat >"$root/etc/group" <<'END'
root:x:0:
daemon:x:1:
bin:x:2:
sys:x:3:
adm:x:4:
tty:x:5:
disk:x:6:
wheel:x:10:root
mail:x:8:
staff:x:50:operator
video:x:44:operator
www-data:x:33:
operator:x:37:
users:x:100:
nogroup:x:65534:
END
sed 's/:.*/:*:::::::/' "$root/etc/passwd" >"$root/etc/shadow"
chmod 0640 "$root/etc/shadow"
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"

layout=$scratch/busybox
umoci init --layout "$layout"
umoci new --image "$layout:latest"
layer "$root" >"$scratch/layer.tar"
add_layer "$layout:latest" "$scratch/layer.tar" "ADD busybox-static in /"
configure "$layout:latest" --config.cmd sh --config.env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umoci gc --layout "$layout"

docker_archive "$layout:latest" "$archive" busybox:latest
mkdir -p "$out/layouts"
rm -rf "$out/layouts/busybox"
mv "$layout" "$out/layouts/busybox"
made busybox "$hash"
say "busybox: $archive, $(du -h "$archive" | cut -f1)"
