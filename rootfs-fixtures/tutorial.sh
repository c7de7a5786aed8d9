#!/usr/bin/env bash
# timber_tutorial:1 and :2, two images that share python:3 and the packages of timber_tutorial/Dockerfile and differ in
# one small file. → out/timber_tutorial.tar (version 1), out/timber_tutorial-2.tar (version 2)
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

source=$here/timber_tutorial
"$here/python.sh"
base=$out/layouts/python
hash=$(fingerprint "$(<"$out/cache/python.made")" "$(cat "$source"/{Dockerfile,requirements.txt,[12]/index.py})")
layout=$out/layouts/timber_tutorial
up_to_date tutorial "$hash" "$out/timber_tutorial.tar" "$out/timber_tutorial-2.tar" "$layout" && exit 0

say "timber_tutorial: fetching hug, falcon and gunicorn"
wheels "$source/requirements.txt"

say "timber_tutorial: installing them on python:3"
umoci unpack --image "$base:3" "$scratch/bundle" 2>/dev/null
root=$scratch/bundle/rootfs
paths "$root" >"$scratch/before"
install_wheels "$root" "$source/requirements.txt"
paths "$root" >"$scratch/after"
added "$scratch/before" "$scratch/after" >"$scratch/packages"
layer "$root" "$scratch/packages" >"$scratch/packages.tar"

cp -r "$base" "$scratch/oci"
for version in 1 2; do
    say "timber_tutorial: writing version $version"
    image=$scratch/oci:$version
    umoci tag --image "$scratch/oci:3" "$version"
    add_layer "$image" "$scratch/packages.tar" "RUN pip install gunicorn==23.0.0 hug==2.6.1 falcon==2.0.0"
    mkdir -p "$scratch/$version/app"
    install -m 0644 "$source/$version/index.py" "$scratch/$version/app/index.py"
    layer "$scratch/$version" >"$scratch/app.tar"
    add_layer "$image" "$scratch/app.tar" "COPY $version/index.py /app/index.py"
    configure "$image" --config.exposedports 8080/tcp --config.workingdir /app \
        --config.cmd gunicorn --config.cmd --bind=0.0.0.0:8080 --config.cmd index:__hug_wsgi__
done
umoci rm --image "$scratch/oci:3"
umoci gc --layout "$scratch/oci"

docker_archive "$scratch/oci:1" "$out/timber_tutorial.tar" timber_tutorial:1
docker_archive "$scratch/oci:2" "$out/timber_tutorial-2.tar" timber_tutorial:2
rm -rf "$layout"
mv "$scratch/oci" "$layout"
made tutorial "$hash"
say "timber_tutorial: $out/timber_tutorial.tar, $(du -h "$out/timber_tutorial.tar" | cut -f1)"
