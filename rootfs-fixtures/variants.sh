#!/usr/bin/env bash
# One image whose layers hold everything a layer can hold (timber_layers:1), in every form that Debian's tools write an
# image, several images in one archive, and an index of several platforms. → out/variants/
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

"$here/busybox.sh"
variants=$out/variants
hash=$(fingerprint "$(<"$out/cache/busybox.made")" "$(cat "$here"/lib/*.py)" "$(umoci --version; skopeo --version; buildah --version)")
up_to_date variants "$hash" "$variants" && exit 0
say "variants: making the layers"

new=$scratch/variants
mkdir "$new"
name=timber_layers:1
oci=$scratch/oci
copy() { skopeo --insecure-policy ${arch:+--override-arch "$arch"} copy -q "$@"; }

policy=$scratch/policy.json
echo '{"default":[{"type":"insecureAcceptAnything"}]}' >"$policy"
storage=(--root "$scratch/storage" --runroot "$scratch/runroot" --storage-driver overlay)
buildah() { command buildah --log-level error "${storage[@]}" "$@"; }
# buildah takes the path of a layout for a name, and refuses capitals in it.
import() { copy "oci:$1" "containers-storage:[overlay@$scratch/storage+$scratch/runroot]localhost/$2:latest"; }

# --- Layer 2, by umoci: one file of each kind. -------------------------------------------------------------------------
cp -r "$out/layouts/busybox" "$oci"
umoci unpack --image "$oci:latest" "$scratch/bundle" 2>/dev/null
root=$scratch/bundle/rootfs
t=$root/t
mkdir "$t" "$t"/{empty,sticky,doomed,opaque,dir-then-file,dir-then-link}
chmod 1777 "$t/sticky"
for file in plain removed hard-a changed mode-changed file-then-dir doomed/a doomed/b opaque/old opaque/both \
    dir-then-file/x dir-then-link/x; do
    echo "first $file" >"$t/$file"
done
ln "$t/hard-a" "$t/hard-b"
ln "$t/hard-a" "$t/sticky/hard-c"
ln -s plain "$t/link"
ln -s /nowhere/at/all "$t/link-broken"
ln -s ../../../../../../etc/passwd "$t/link-out"
chown -h 12:34 "$t/link"
mkfifo -m 0620 "$t/fifo"
mknod -m 0666 "$t/null" c 1 3
mknod -m 0600 "$t/block" b 259 70000
echo mine >"$t/owned" && chown 1000:1001 "$t/owned"
echo far >"$t/owned-far" && chown 2097152:2000000000 "$t/owned-far"
install -m 4755 "$root/bin/busybox" "$t/setuid"
install -m 2750 /dev/null "$t/setgid"
install -m 0000 /dev/null "$t/mode-none"
install -m 0755 "$root/bin/busybox" "$t/capable" && setcap cap_net_bind_service=ep "$t/capable"
echo wood >"$t/xattr" && setfattr -n user.timber -v oak "$t/xattr" && setfattr -n user.empty "$t/xattr"
setfattr -n user.binary -v 0x00ff0a3d "$t/xattr"
echo long >"$t/$(printf 'n%.0s' {1..255})"
deep=$t/deep
for ((i = 0; i < 12; i++)); do deep=$deep/$(printf 'd%.0s' {1..40}); done
mkdir -p "$deep" && echo deep >"$deep/file"
ln -s "$(printf 'l%.0s' {1..300})" "$t/link-long"
echo bytes >"$t/"$'not-utf8-\xff\xfe'
echo 'new line' >"$t/"$'new\nline'
echo space >"$t/ leading and trailing "
echo hidden >"$t/.hidden"
echo dots >"$t/...."
truncate -s 1M "$t/sparse" && echo end >>"$t/sparse"
find "$root" -newermt "@$((SOURCE_DATE_EPOCH + 1))" -exec touch -h -d "@$SOURCE_DATE_EPOCH.5" {} +
touch -d @1 "$t/old" && touch -d @4294967297 "$t/after-2106"
umoci repack --refresh-bundle --history.created "$created" --image "$oci:latest" "$scratch/bundle" 2>/dev/null
rm -rf "$scratch/bundle"

# --- Layers 3 and 4, by buildah on overlay: whiteouts, an opaque directory, kinds that change. ------------------------
edit() { # edit FROM TO COMMAND...: a layer with what COMMAND does below /t
    local from=$1 to=$2 container mounted
    shift 2
    container=$(buildah from --signature-policy "$policy" "$from")
    mounted=$(buildah mount "$container")
    (cd "$mounted/t" && "$@")
    buildah umount "$container" >/dev/null
    buildah commit --signature-policy "$policy" --timestamp "$SOURCE_DATE_EPOCH" -q "$container" "localhost/$to" >/dev/null
    buildah rm "$container" >/dev/null
}
remove() {
    rm -r removed doomed opaque file-then-dir dir-then-file dir-then-link hard-b
    mkdir opaque file-then-dir
    echo second >opaque/both
    echo second >opaque/new
    echo second >file-then-dir/x
    echo second >dir-then-file
    ln -s empty dir-then-link
    echo second >changed
    chmod 0600 mode-changed
}
restore() {
    mkdir doomed
    echo third >doomed/c
    rm -r opaque/new
    echo third >removed
    ln changed changed-too
}
import "$oci:latest" kinds
edit localhost/kinds removed remove
edit localhost/removed "$name" restore

# --- What the image must look like, as overlay itself shows it. --------------------------------------------------------
say "variants: describing what they hold"
container=$(buildah from --signature-policy "$policy" "localhost/$name")
"$debian_python" "$here/lib/describe.py" "$(buildah mount "$container")/t" >"$new/layers.json"
buildah umount "$container" >/dev/null
buildah rm "$container" >/dev/null

# --- The forms. --------------------------------------------------------------------------------------------------------
say "variants: writing the forms"
push() { buildah push --signature-policy "$policy" -q "localhost/$name" "$@"; }
push "docker-archive:$new/buildah.docker.tar:$name"
push "oci-archive:$new/buildah.oci.tar:$name"
push "oci:$new/directory.oci:$name"
copy "oci:$new/directory.oci:$name" "docker-archive:$new/skopeo.docker.tar:$name"
copy "oci:$new/directory.oci:$name" "docker-archive:$new/untagged.docker.tar"
copy "oci:$new/directory.oci:$name" "oci-archive:$new/skopeo.oci.tar:$name"
gzip -9nk "$new/skopeo.docker.tar"
zstd -q --keep "$new/skopeo.docker.tar"
archive() { tar -c -C "$new/directory.oci" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --numeric-owner --owner=0 --group=0 "$@"; }
archive . >"$new/dot.oci.tar"
archive blobs index.json oci-layout >"$new/plain.oci.tar"
archive --format=ustar oci-layout index.json blobs | gzip -9n >"$new/plain.oci.tar.gz"
copy --dest-compress --dest-compress-format zstd "docker-archive:$new/skopeo.docker.tar" "oci-archive:$new/zstd.oci.tar:$name"
copy --dest-compress --dest-compress-format zstd:chunked "docker-archive:$new/skopeo.docker.tar" \
    "oci-archive:$new/zstd-chunked.oci.tar:$name"
copy --dest-oci-accept-uncompressed-layers "docker-archive:$new/skopeo.docker.tar" "oci-archive:$new/uncompressed.oci.tar:$name"

# umoci insert ends its tar without end blocks and with a short last block.
cp -r "$out/layouts/busybox" "$scratch/inserted"
printf 'inserted' >"$scratch/file"
umoci insert --image "$scratch/inserted:latest" --tag inserted --history.created "$created" "$scratch/file" /inserted 2>/dev/null
copy "oci:$scratch/inserted:inserted" "oci-archive:$new/inserted.oci.tar:timber_inserted:1"

# --- Several images in one archive, and an index of platforms. ----------------------------------------------------------
say "variants: writing several images and several platforms"
"$debian_python" "$here/lib/archives.py" several "$new/several.docker.tar" "$out/busybox.tar" "$new/skopeo.docker.tar"
"$debian_python" "$here/lib/archives.py" docker-save "$new/docker-save.tar" "$new/directory.oci" "$name"

# A program for another machine: the header is all that the kernel looks at.
mkdir -p "$scratch/arm64/bin"
printf '\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\xb7\0\x01\0\0\0' >"$scratch/arm64/bin/true"
chmod 0755 "$scratch/arm64/bin/true"
layer "$scratch/arm64" >"$scratch/arm64.tar"
cp -r "$out/layouts/busybox" "$scratch/platforms"
umoci new --image "$scratch/platforms:arm64"
add_layer "$scratch/platforms:arm64" "$scratch/arm64.tar" "ADD arm64 in /"
configure "$scratch/platforms:arm64" --architecture arm64 --config.cmd true
import "$scratch/platforms:latest" amd64
arch=arm64 import "$scratch/platforms:arm64" arm64
buildah manifest create platforms >/dev/null
buildah manifest add --os linux --arch arm64 --variant v8 platforms containers-storage:localhost/arm64 >/dev/null
buildah manifest add --os linux --arch amd64 platforms containers-storage:localhost/amd64 >/dev/null
buildah manifest push --signature-policy "$policy" -q --all platforms "oci-archive:$new/platforms.oci.tar:timber_platforms:1" >/dev/null
arch=arm64 copy "oci:$scratch/platforms:arm64" "docker-archive:$new/arm64.docker.tar:timber_arm64:1"
configure "$scratch/platforms:arm64" --architecture amd64
arch=arm64 copy "oci:$scratch/platforms:arm64" "docker-archive:$new/mislabelled.docker.tar:timber_mislabelled:1"

rm -rf "$variants"
mv "$new" "$variants"
made variants "$hash"
say "variants: $variants, $(du -sh "$variants" | cut -f1)"
