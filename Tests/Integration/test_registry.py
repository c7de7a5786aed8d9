"""Images come from registries and go to them: Debian's docker-registry, and one that misbehaves."""

import json
import random
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.daemon import REPOSITORY, Daemon, Slot
from harness.host import descriptors
from harness.images import Image, digest, gzipped
from harness.process import run
from harness.tarbuilder import TarBuilder
from harness.wait import until

sys.path.insert(0, str(REPOSITORY / "rootfs-fixtures/registry"))

from faulty import FaultyRegistry  # noqa: E402
from registry import Registry  # noqa: E402

OCI = "application/vnd.oci.image"


def noise(size, seed):
    return random.Random(seed).randbytes(size)


def layer(name, size=1000, seed=0):
    return TarBuilder().file(name, noise(size, seed))


def served(image, compress=gzipped):
    """({digest: bytes}, manifest's media type and bytes) of an image, as registries have it."""
    members = image.oci_members(compress)
    index = json.loads(members["index.json"])["manifests"][0]
    blobs = {name.removeprefix("blobs/").replace("/", ":"): data for name, data in members.items() if name.startswith("blobs/")}
    return blobs, (index["mediaType"], blobs[index["digest"]])


def layers_of(manifest):
    return [entry["digest"] for entry in json.loads(manifest[1])["layers"]]


@pytest.fixture(scope="module")
def registry():
    registry = Registry()
    yield registry
    registry.stop()


@pytest.fixture
def faulty():
    """Makes misbehaving registries of an image under the tag 1."""
    made = []

    def make(image, *, compress=gzipped, **options):
        blobs, manifest = served(image, compress)
        registry = FaultyRegistry(blobs, {"1": manifest, digest(manifest[1]): manifest}, **options)
        made.append(registry)
        return registry

    yield make
    for registry in made:
        registry.stop()


@pytest.fixture
def clean(timber):
    """The shared daemon; what the test pulled is gone afterwards."""
    before = identities(timber)
    names = set(timber.images())
    yield timber
    timber.remove_containers()
    for name in set(timber.images()) - names:
        timber.tctl("rmi", "-f", name).ok()
    for identity in identities(timber) - before:
        timber.tctl("rmi", "-f", identity).ok()
    # What was pushed is one more name of what was there.
    for name in timber.inspect("busybox", "image")["RepoDigests"]:
        timber.tctl("rmi", name).ok()


def identities(daemon):
    return {image["Id"] for image in daemon.api.get("/images/json").expect(200).json}


def partial(daemon):
    return sorted((daemon.data / "content/partial").iterdir())


# --- A real registry ------------------------------------------------------------------------------------------------


def test_push_remove_pull_run(clean, registry):
    name = f"{registry.name}/trees/oak:v1"
    clean.tctl("tag", "busybox", name).ok()
    clean.tctl("push", name).ok()
    before = clean.inspect(name, "image")
    clean.tctl("rmi", name).ok()
    assert clean.tctl("pull", "-q", name).ok().out == name
    after = clean.inspect(name, "image")
    assert after["Id"] == before["Id"] and after["RepoDigests"] == before["RepoDigests"]
    assert after["RepoDigests"][0].startswith(f"{registry.name}/trees/oak@sha256:")
    assert clean.run(name, "echo", "hello").ok().out == "hello"


def test_several_layers_and_a_password(clean, busybox, tmp_path):
    """All of them are asked for at once, and none of them before the password is known to be wanted."""
    secured = Registry(user="ash:secret")
    try:
        config = tmp_path / "config.json"
        config.write_text(json.dumps({"auths": {secured.name: {"auth": "YXNoOnNlY3JldA=="}}}))
        home = clean.environment | {"DOCKER_CONFIG": str(tmp_path)}
        name = f"{secured.name}/many:1"
        archive = tmp_path / "many.tar"
        archive.write_bytes(busybox.image(name, *(layer(f"file{number}", 1000, number) for number in range(8))).docker_archive())
        clean.load(archive).ok()
        clean.tctl("push", name, env=home).ok()
        clean.tctl("rmi", name).ok()
        clean.tctl("pull", name, env=home).ok()
        # The same blobs in another repository are taken over there.
        clean.tctl("tag", name, f"{secured.name}/other:1").ok()
        assert "Mounted from many" in clean.docker("push", f"{secured.name}/other:1", env=home).ok().out
    finally:
        secured.stop()


def test_other_tools_read_what_we_pushed_and_we_what_they_did(clean, registry, tmp_path):
    ours = f"{registry.name}/ours:1"
    clean.tctl("tag", "busybox", ours).ok()
    clean.tctl("push", ours).ok()
    digests = clean.inspect(ours, "image")["RepoDigests"]
    found = json.loads(run(["skopeo", "inspect", "--tls-verify=false", f"docker://{ours}"]).ok().out)
    assert f"{registry.name}/ours@{found['Digest']}" in digests
    theirs = f"{registry.name}/theirs:1"
    run(["skopeo", "--insecure-policy", "copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false",
         f"docker://{ours}", f"docker://{theirs}"]).ok()  # fmt: skip
    clean.tctl("pull", theirs).ok()
    assert clean.inspect(theirs, "image")["Id"] == clean.inspect(ours, "image")["Id"]
    run(["skopeo", "--insecure-policy", "copy", "-q", "--src-tls-verify=false", f"docker://{ours}", f"oci:{tmp_path / 'layout'}:1"]).ok()


@pytest.mark.parametrize("tag", ["v1", "digest"])
def test_docker_pulls_and_pushes(clean, registry, tag):
    name = f"{registry.name}/docker:v1"
    clean.docker("tag", "busybox", name).ok()
    pushed = clean.docker("push", name).ok()
    assert "The push refers to repository" in pushed.out and "v1: digest: sha256:" in pushed.out
    identity = clean.inspect(name, "image")
    if tag == "digest":
        name = identity["RepoDigests"][0]
    clean.docker("rmi", f"{registry.name}/docker:v1").ok()
    pulled = clean.docker("pull", name).ok().out
    assert "Status: Downloaded newer image for" in pulled and f"Digest: {identity['RepoDigests'][0].split('@')[1]}" in pulled
    assert "Status: Image is up to date for" in clean.docker("pull", name).ok().out
    assert clean.inspect(name, "image")["Id"] == identity["Id"]


def test_run_fetches_what_is_missing(clean, registry):
    name = f"{registry.name}/missing:1"
    clean.tctl("tag", "busybox", name).ok()
    clean.tctl("push", name).ok()
    clean.tctl("rmi", name).ok()
    clean.run("--pull", "never", name, "true").fails(125, "no such image")
    first = clean.run(name, "echo", "here").ok()
    assert first.out == "here" and "Unable to find image" in first.err
    assert clean.run("--pull", "always", name, "echo", "again").ok().out == "again"
    clean.run(f"{registry.name}/missing:2", "true").fails(125, "missing:2 not found", "manifest unknown")


def test_all_tags(clean, registry):
    for tag in ("a", "b"):
        clean.tctl("tag", "busybox", f"{registry.name}/many:{tag}").ok()
    clean.tctl("push", "-a", f"{registry.name}/many").ok()
    for tag in ("a", "b"):
        clean.tctl("rmi", f"{registry.name}/many:{tag}").ok()
    clean.tctl("pull", "-a", f"{registry.name}/many").ok()
    assert {f"{registry.name}/many:a", f"{registry.name}/many:b"} <= set(clean.images())


def test_a_layer_that_is_here_is_not_fetched_in_another_compression(clean, registry, faulty, busybox):
    """busybox was loaded uncompressed; the registry has it as gzip."""
    source = faulty(busybox.image("", layer("extra", 5000)))
    clean.tctl("pull", f"{source.name}/x:1").ok()
    fetched = {seen.path.split("/")[-1] for seen in source.requests("/blobs/")}
    base, extra = layers_of(source.manifests["1"])
    assert extra in fetched and base not in fetched
    assert clean.run(f"{source.name}/x:1", "sh", "-c", "wc -c < /extra").ok().out == "5000"
    # What is saved and pushed names the blobs that are here.
    target = f"{registry.name}/mixed:1"
    clean.tctl("tag", f"{source.name}/x:1", target).ok()
    clean.tctl("push", target).ok()
    clean.tctl("rmi", "-f", target, f"{source.name}/x:1").ok()
    clean.tctl("pull", target).ok()
    assert clean.run(target, "sh", "-c", "wc -c < /extra").ok().out == "5000"


def test_tls_and_a_password(fixtures, tmp_path):
    secured = Registry(tls=True, user="ash:pass:word")
    daemon = Daemon(Slot())
    certificates = tmp_path / "certs.d" / secured.name
    try:
        configuration = tmp_path / "registries.json"
        configuration.write_text(json.dumps({"certificates": str(tmp_path / "certs.d")}))
        certificates.mkdir(parents=True)
        (certificates / "other.crt").write_text(secured.authority.server.read_text())
        daemon.start("--registries", configuration)
        daemon.load(fixtures / "busybox.tar").ok()
        name = f"{secured.name}/oak:1"
        home = daemon.environment | {"DOCKER_CONFIG": str(tmp_path / "docker")}
        daemon.tctl("tag", "busybox", name).ok()
        daemon.tctl("push", name, env=home).fails(1, "cannot reach", "certificate")
        (certificates / "ca.crt").write_text(secured.authority.certificate.read_text())
        daemon.tctl("push", name, env=home).fails(1, "denied", "log in")
        login = ("login", "-u", "ash", "--password-stdin", secured.name)
        daemon.tctl(*login, input="wrong", env=home).fails(1, "unauthorized")
        assert not (tmp_path / "docker/config.json").exists()
        assert "Login Succeeded" in daemon.tctl(*login, input="pass:word\n", env=home).ok().out
        assert (tmp_path / "docker/config.json").stat().st_mode & 0o777 == 0o600
        daemon.tctl("push", name, env=home).ok()
        daemon.docker("pull", name, env=home).ok()
        daemon.tctl("rmi", name).ok()
        daemon.tctl("pull", name, env=home).ok()
        daemon.docker("login", "-u", "ash", "--password-stdin", secured.name, input="pass:word", env=home).ok()
        daemon.tctl("logout", secured.name, env=home).ok()
        daemon.tctl("pull", name, env=home).fails(1, "tctl login")
        assert "pass" not in daemon.log.read_text()
    finally:
        daemon.discard()
        secured.stop()


def test_a_credential_helper_keeps_the_password(clean, tmp_path):
    secured = Registry(user="ash:secret")
    try:
        helper = tmp_path / "bin/docker-credential-test"
        helper.parent.mkdir()
        helper.write_text(f"""#!/bin/sh
case $1 in
get) cat {tmp_path}/kept 2>/dev/null || {{ echo "credentials not found in native keychain"; exit 1; }} ;;
store) cat > {tmp_path}/kept ;;
erase) rm -f {tmp_path}/kept ;;
esac
""")
        helper.chmod(0o755)
        (tmp_path / "docker").mkdir()
        config = tmp_path / "docker/config.json"
        config.write_text(json.dumps({"credHelpers": {secured.name: "test"}, "detachKeys": "ctrl-x"}))
        home = clean.environment | {"DOCKER_CONFIG": str(tmp_path / "docker")}
        home["PATH"] = f"{helper.parent}:{home['PATH']}"
        clean.tctl("login", "-u", "ash", "--password-stdin", secured.name, input="secret", env=home).ok()
        assert json.loads((tmp_path / "kept").read_text()) == {"ServerURL": secured.name, "Username": "ash", "Secret": "secret"}
        assert json.loads(config.read_text()) == {"credHelpers": {secured.name: "test"}, "detachKeys": "ctrl-x"}
        name = f"{secured.name}/elm:1"
        clean.tctl("tag", "busybox", name).ok()
        clean.tctl("push", name, env=home).ok()
        clean.tctl("logout", secured.name, env=home).ok()
        assert not (tmp_path / "kept").exists()
        clean.tctl("push", name, env=home).fails(1, "denied")
    finally:
        secured.stop()


# --- One that misbehaves ----------------------------------------------------------------------------------------------


@pytest.fixture
def small():
    return Image("", [layer("a", 300_000, 1), layer("b", 200_000, 2)], Cmd=["x"])


def test_platform_of_an_index(clean, faulty, small):
    source = faulty(small)
    other = Image("", [layer("arm")], architecture="arm64", Cmd=["x"])
    blobs, manifest = served(other)
    source.blobs.update(blobs)

    def entry(manifest, architecture):
        source.manifests[digest(manifest[1])] = manifest
        return {"mediaType": manifest[0], "digest": digest(manifest[1]), "size": len(manifest[1]),
                "platform": {"os": "linux", "architecture": architecture}}  # fmt: skip

    entries = [entry(manifest, "arm64"), entry(source.manifests["1"], "amd64")]
    source.manifests["all"] = (f"{OCI}.index.v1+json", json.dumps({"schemaVersion": 2, "manifests": entries}).encode())
    clean.tctl("pull", f"{source.name}/x:all").ok()
    found = clean.inspect(f"{source.name}/x:all", "image")
    assert found["Architecture"] == "amd64" and found["RepoDigests"] == [f"{source.name}/x@{digest(source.manifests['all'][1])}"]
    clean.tctl("pull", "--platform", "linux/arm64", f"{source.name}/x:all").ok()
    assert clean.inspect(f"{source.name}/x:all", "image")["Architecture"] == "arm64"
    clean.tctl("pull", "--platform", "linux/s390x", f"{source.name}/x:all").fails(1, "linux/s390x", "linux/arm64, linux/amd64")


@pytest.mark.parametrize("ranges", [True, False])
def test_a_connection_that_breaks_off(clean, faulty, small, ranges):
    source = faulty(small, ranges=ranges)
    blob = layers_of(source.manifests["1"])[0]
    source.fault(blob, times=2, cut=100_000)
    clean.tctl("pull", f"{source.name}/x:1").ok()
    asked = [seen.headers.get("Range") for seen in source.requests(blob)]
    assert len(asked) == 3 and asked[0] is None and all(value.startswith("bytes=") for value in asked[1:])
    assert partial(clean) == []


def test_an_answer_that_passes(clean, faulty, small):
    source = faulty(small)
    source.fault("/manifests/", times=2, status=503, body=b"")
    source.fault("/blobs/", times=1, status=429, headers={"Retry-After": "0"}, body=b"")
    clean.tctl("pull", f"{source.name}/x:1").ok()


def test_a_limit_of_requests(clean, faulty, small):
    source = faulty(small)
    body = b'{"errors": [{"code": "TOOMANYREQUESTS", "message": "slow down"}]}'
    source.fault("/manifests/", status=429, headers={"Retry-After": "3600"}, body=body)
    clean.tctl("pull", f"{source.name}/x:1").fails(1, "limit of requests", "slow down", "after 3600 s")
    assert len(source.requests("/manifests/")) == 1


@pytest.mark.parametrize(
    "fault, words",
    [
        ({"body": b"something else"}, ["wrong digest"]),
        ({"body": b""}, ["broke off after 0 of"]),
        ({"status": 404, "body": b"{}"}, ["not found"]),
        ({"status": 500, "body": b"<html>"}, ["HTTP status 500"]),
        ({"cut": 1000, "times": 20}, ["broke off"]),
    ],
)
def test_a_blob_that_is_not_there(clean, faulty, small, fault, words):
    source = faulty(small)
    first, second = layers_of(source.manifests["1"])
    if fault.get("cut"):
        # Never a byte more than before.
        source.ranges = False
        fault = {"cut": 1000}
    size = len(source.blobs[first])
    if fault.get("body") == b"something else":
        fault = {"body": noise(size, 9)}
    source.fault(first, **fault)
    clean.tctl("pull", f"{source.name}/x:1", timeout=90).fails(1, first, *words)
    assert f"{source.name}/x:1" not in clean.images()
    source.faults.clear()
    clean.tctl("pull", f"{source.name}/x:1").ok()
    assert partial(clean) == []


def test_a_blob_that_is_too_long(clean, faulty, small):
    source = faulty(small)
    blob = layers_of(source.manifests["1"])[1]
    source.fault(blob, body=source.blobs[blob] + b"x" * 1_000_000)
    clean.tctl("pull", f"{source.name}/x:1").fails(1, blob, "longer than")


def test_gzip_that_ends_too_early(clean, faulty, small):
    source = faulty(small, compress=lambda data: gzipped(data)[:-20])
    clean.tctl("pull", f"{source.name}/x:1").fails(1, "layer sha256:", "gzip data ends too early")
    assert f"{source.name}/x:1" not in clean.images()


@pytest.mark.parametrize("reference", ["{name}@{digest}", "{name}:1@{digest}"])
def test_a_digest_names_what_it_names(clean, faulty, small, reference):
    """CVE-2026-111361: the check must not be skipped on any way."""
    source = faulty(small)
    manifest = source.manifests["1"]
    other = json.dumps(json.loads(manifest[1]) | {"annotations": {"x": "y"}}).encode()
    name = reference.format(name=f"{source.name}/x", digest=digest(manifest[1]))
    source.fault("/manifests/sha256", times=1, body=other)
    clean.tctl("pull", name).fails(1, digest(other), digest(manifest[1]))
    clean.tctl("pull", name).ok()


@pytest.mark.parametrize(
    "manifest, word",
    [
        (b"", "JSON"), (b"[]", "manifest"), (b"{}", "schemaVersion"), (b'{"schemaVersion": 1, "fsLayers": []}', "schema 1"),
        (b'{"schemaVersion": 2, "manifests": [], "layers": []}', "ambiguous"), (b"x" * (5 << 20), "more than the limit"),
        (b'{"schemaVersion": 2, "manifests": []}', "calls itself"),
    ],
    ids=["empty", "list", "object", "schema 1", "ambiguous", "huge", "nothing"],
)  # fmt: skip
def test_a_manifest_that_is_none(clean, faulty, small, manifest, word):
    source = faulty(small)
    source.fault("/manifests/", body=manifest)
    clean.tctl("pull", f"{source.name}/x:1").fails(1, word)


# --- Secrets ----------------------------------------------------------------------------------------------------------


def test_a_password_goes_to_nobody_else(clean, faulty, small, tmp_path):
    """GHSA-mx96-5vvg-x2mg: not to the realm that a registry names, not to where it leads."""
    other = faulty(small)
    source = faulty(small, user="ash:secret", realm=f"http://{other.name}/token")
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"auths": {source.name: {"auth": "YXNoOnNlY3JldA=="}}}))
    home = clean.environment | {"DOCKER_CONFIG": str(tmp_path)}
    clean.tctl("pull", f"{source.name}/x:1", env=home).fails(1, other.name, "token-servers")
    assert other.seen == []
    # Without a password anybody may give out tokens; and a blob may lie elsewhere, where the token is not shown.
    blob = layers_of(source.manifests["1"])[0]
    source.fault(blob, status=307, headers={"Location": f"http://{other.name}/v2/x/blobs/{blob}"}, body=b"")
    clean.tctl("pull", f"{source.name}/x:1").ok()
    assert len(other.requests("/token")) > 0 and len(other.requests(blob)) == 1
    assert all("Authorization" not in seen.headers for seen in other.seen)
    assert source.requests(blob)[-1].headers["Authorization"] == "Bearer let-me-in"


@pytest.mark.parametrize("location", ["ftp://127.0.0.1/x", "http://ash:secret@127.0.0.1/x", "file:///etc/passwd", "http://"])
def test_a_redirect_to_nowhere(clean, faulty, small, location):
    source = faulty(small)
    source.fault("/manifests/", status=307, headers={"Location": location}, body=b"")
    clean.tctl("pull", f"{source.name}/x:1").fails(1, "address")


def test_redirects_end(clean, faulty, small):
    source = faulty(small)
    source.fault("/manifests/", status=302, headers={"Location": "/v2/x/manifests/1"}, body=b"")
    clean.tctl("pull", f"{source.name}/x:1").fails(1, "more than 5 times")


def test_a_header_that_is_no_authorization(clean):
    for value in ("!", "e30", "bnVsbA==", "W10="):
        answer = clean.api.request("POST", "/images/create", headers={"X-Registry-Auth": value}, fromImage="127.0.0.1:1/x", tag="1")
        answer.expect(503 if value in ("e30", "bnVsbA==") else 400)
        assert answer.json["message"]


# --- At once, and cut short -------------------------------------------------------------------------------------------


def test_a_blob_is_fetched_once(clean, faulty):
    shared = layer("shared", 2_000_000, 7)
    images = [Image("", [shared, layer(f"own{number}", 100_000, number)], Cmd=["x"]) for number in range(10)]
    source = faulty(images[0])
    for number, image in enumerate(images):
        blobs, manifest = served(image)
        source.blobs.update(blobs)
        source.manifests[f"n{number}"] = manifest
    hold = source.fault("/blobs/", times=1, hold=threading.Event())
    with ThreadPoolExecutor(10) as pool:
        pulls = [pool.submit(clean.tctl, "pull", f"{source.name}/x:n{number}", timeout=120) for number in range(10)]
        until(lambda: len(source.requests("/manifests/n")) == 10, seconds=60)
        hold.hold.set()
        for pull in pulls:
            pull.result().ok()
    gets = [seen.path.split("/")[-1] for seen in source.requests("/blobs/")]
    layers = {digest for number in range(10) for digest in layers_of(source.manifests[f"n{number}"])}
    counts = {digest: gets.count(digest) for digest in layers}
    assert set(counts.values()) == {1}, f"a layer came twice, or not at all: {counts}"


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM])
def test_a_pull_goes_on_after_the_daemon(fresh, faulty, sign):
    source = faulty(Image("", [layer("big", 4_000_000, 3), layer("small", 1000)], Cmd=["x"]))
    blob = layers_of(source.manifests["1"])[0]
    size = len(source.blobs[blob])
    source.fault(blob, times=1, slow=0.05)
    process = fresh.popen("pull", f"{source.name}/x:1")
    until(lambda: [file for file in partial(fresh) if file.stat().st_size > 1_000_000], seconds=60)
    fresh.stop(sign)
    process.communicate(timeout=60)
    kept = (fresh.data / "content/partial" / f"{blob[7:]}-{size}").stat().st_size
    assert 0 < kept < size
    fresh.start()
    fresh.tctl("pull", f"{source.name}/x:1").ok()
    assert source.requests(blob)[-1].headers["Range"] == f"bytes={kept}-"
    until(lambda: source.requests(blob)[-1].sent == size - kept)
    assert partial(fresh) == []


def test_a_continued_blob_that_is_damaged_is_fetched_again(fresh, faulty):
    source = faulty(Image("", [layer("big", 1_000_000, 3)], Cmd=["x"]))
    blob = layers_of(source.manifests["1"])[0]
    (fresh.data / "content/partial" / f"{blob[7:]}-{len(source.blobs[blob])}").write_bytes(noise(500_000, 1))
    fresh.tctl("pull", f"{source.name}/x:1").ok()
    assert [seen.headers.get("Range") for seen in source.requests(blob)] == ["bytes=500000-", None]


def test_a_client_that_goes_away_ends_its_pull(clean, faulty):
    source = faulty(Image("", [layer("big", 4_000_000, 3)], Cmd=["x"]))
    blob = layers_of(source.manifests["1"])[0]
    # What a client of registries opens once stays.
    clean.tctl("pull", f"{source.name}/x:2").fails(1, "not found")
    before = len(descriptors(clean.pid))
    hold = source.fault(blob, slow=0.2)
    process = clean.popen("pull", f"{source.name}/x:1")
    until(lambda: source.sent(blob) > 500_000, seconds=60)
    process.kill()
    process.communicate(timeout=30)

    def quiet():
        sent = source.sent(blob)
        return sent < 4_000_000 and not until_more(source, blob, sent)

    until(quiet, seconds=60, message="the registry is still being read")
    until(lambda: len(descriptors(clean.pid)) <= before + 2, seconds=30, message="descriptors stay")
    source.faults.remove(hold)
    clean.tctl("pull", f"{source.name}/x:1").ok()


def until_more(source, blob, sent):
    """Whether more than what the sockets hold is sent within a second."""
    try:
        return until(lambda: source.sent(blob) > sent + 262_144, seconds=1)
    except AssertionError:
        return False
