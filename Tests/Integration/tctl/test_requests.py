"""What tctl makes of a command line is what the docker command line makes of it."""

import json
import os
import shlex
import subprocess

import pytest

# Each line stands behind `create`; both programs must send the same request.
SAME = r"""
x
x ls -l --rm
-it x sh
--rm --name web x
-p 80 x
-p 8080:80 x
-p 127.0.0.1:8080:80/udp x
-p 127.0.0.1::80 x
-p [::1]:8080:80 x
-p ::1:8080:80 x
-p 8000-8002:80-82 x
-p 8000-8010:80 x
-p 80-82 x
-p 8080:80 -p 9090:80 -p 53:53/UDP x
-p published=8080,target=80 x
-p published=8080,target=53,protocol=udp x
-P --expose 3000-3002 --expose 53/udp x
-e A=1 -e B= -e HOME -e NOTSET x
-e A=B=C x
--env-file vars.env -e LAST=1 x
--label a=b -l c --label d= x
--label-file some.labels -l z=1 x
--entrypoint sh x -c true
--entrypoint= x
-w /srv -u 1000:1000 --group-add audio --group-add 44 x
-h web --add-host db:10.0.0.1 --add-host six:::1 --add-host [weird]:1.2.3.4 x
--add-host db=10.0.0.2 --add-host gw:host-gateway x
--dns 1.1.1.1 --dns ::1 x
-v /a:/b x
-v /a:/b:ro,z x
-v vol:/b x
-v /anon x
-v ./rel:/b x
-v ../rel:/b:ro x
-v .:/b x
-v /a/:/b/ x
--mount type=bind,source=/a,target=/b,readonly x
--mount type=bind,src=./a,dst=/b x
--mount type=volume,source=v,target=/b,volume-nocopy x
--mount source=v,target=/b x
--mount type=tmpfs,target=/b,tmpfs-size=64m,tmpfs-mode=1770 x
--mount type=tmpfs,destination=/b x
--mount type=bind,source=/a,target=/b,bind-propagation=rslave,ro=true x
--mount type=bind,source=/a,target=/b,ro=false x
--mount type=bind,source=/a,target=/b,bind-nonrecursive=true x
--mount type=bind,source=/a,target=/b,bind-recursive=disabled x
--mount type=bind,source=/a,target=/b,readonly,bind-recursive=writable x
--mount type=volume,source=v,target=/b,volume-label=a=b,volume-label=c x
--mount type=volume,source=v,target=/b,volume-driver=local,volume-opt=type=nfs,volume-opt=o=a x
--mount type=volume,source=v,target=/b,volume-subpath=s x
--mount type=image,source=i,target=/b x
--mount 'type=bind,"source=/a,b",target=/b' x
--tmpfs /run --tmpfs /tmp:rw,size=64m,mode=1777 x
--volumes-from a --volumes-from b:ro x
--read-only --shm-size 128m x
-m 512m --memory-swap 1g x
-m 1.5g --memory-swap -1 x
-m 100000000 x
-m 512MB x
-m 512MiB x
--cpus 1.5 --cpu-shares 512 --cpuset-cpus 0-1 --pids-limit 100 x
--cpus .5 x
--cpus 2 x
--pids-limit -1 x
--ulimit nofile=1024:2048 --ulimit nproc=64 --ulimit core=-1 x
--oom-score-adj -500 x
-q x
--memory-reservation 64m --memory-swappiness 10 --oom-kill-disable x
--cpu-quota 50000 --cpu-period 100000 --cpuset-mems 0 --blkio-weight 300 x
--log-driver json-file --log-opt max-size=10m --log-opt max-file=3 x
--log-opt max-size=1k x
--log-opt max-size --annotation a x
--dns-search example.org --dns-search . --dns-option ndots:2 --dns-opt rotate x
--domainname example.org --annotation a.b=c --annotation d=e=f x
--ipc host --uts host x
--ipc shareable x
--init --stop-signal SIGINT --stop-timeout 5 x
--stop-timeout -1 x
--cap-add NET_ADMIN --cap-drop ALL --privileged x
--security-opt no-new-privileges --security-opt seccomp=unconfined x
--security-opt no-new-privileges=true x
--security-opt systempaths=unconfined x
--security-opt apparmor=unconfined x
--device /dev/null x
--device /dev/null:/dev/zero x
--device /dev/null:/dev/zero:r x
--device /dev/null:rw x
--device-cgroup-rule 'c 1:3 rwm' --device-cgroup-rule 'a *:* r' x
--userns host --cgroupns private --runtime runc x
--volume-driver local -v data:/d x
--sysctl net.core.somaxconn=1024 --sysctl kernel.shmmax=1 x
--network none x
--network host x
--net container:web x
--network=bridge x
--network foo --network-alias a --net-alias b --ip 10.1.2.3 x
--network name=foo,alias=a,ip=10.1.2.3,mac-address=02:42:ac:12:05:02,gw-priority=3 --network bar x
--network name=foo,driver-opt=a=b x
--network foo --link web:db --mac-address 02:42:ac:12:05:02 x
--link web:db x
--mac-address 02:42:ac:12:05:02 x
--ip6 2001:db8::1 --network foo x
-a stdout x
-a stdin -a stderr -i x
--platform linux/amd64 x
--rm=false --init=true --read-only=0 x
--privileged=false x
-ite A=1 x
-eA=1 -p80:80 x
-e=A=1 -p=80:80 x
-- x -y
--cidfile new.cid x
""".strip().split("\n")

# Both must refuse these with status 125 and send nothing.
REFUSED = r"""
-p x y
-p 80:80:80:80:80 x
-p 1-2:3-5 x
-p 70000:80 x
-p 80:70000 x
-p 80/foo x
-p 1.2.3:80:80 x
-p 9-8:80 x
--expose 80:80 x
--expose abc x
-e = x
-e =x x
--env-file /nonexistent x
--env-file bad.env x
-m abc x
-m 12q x
--cpus abc x
--cpus 1.12345678901 x
--ulimit foo=1 x
--ulimit nofile=2:1 x
--ulimit nofile x
--device a:b:c:d x
--device /dev/null:x:q x
--mount type=bind,source=/a x
--mount foo x
--mount type=tmpfs,target=/b,volume-nocopy x
--mount type=tmpfs,target=/b,tmpfs-mode=9 x
--add-host foo x
--add-host foo:bar x
--dns foo x
--pids-limit abc x
--memory-reservation abc x
--memory-swappiness abc x
--cpu-quota abc x
--cpu-period abc x
--blkio-weight abc x
--stop-timeout abc x
--oom-score-adj abc x
--memory-swap abc x
--shm-size -1 x
-a foo x
--foo x
--foo
-d x
--name
--pull sometimes x
--security-opt foo x
--security-opt seccomp=/nonexistent x
""".strip().split("\n")

# What a zero means there differs from nothing at all.
MEANT = {"ReadonlyPaths", "MaskedPaths", "Soft", "Hard", "MemorySwap", "StopTimeout", "PidsLimit", "NetworkMode"}


def meaning(value):
    """A request without what says nothing: null, false, zero, empty."""
    if isinstance(value, dict):
        members = {key: meaning(member) for key, member in value.items()}
        return {k: v for k, v in members.items() if v is not None and (k in MEANT or v not in (False, 0, "", [], {}, -1))}
    if isinstance(value, list):
        return [meaning(element) for element in value]
    return value


@pytest.fixture
def directory(tmp_path):
    (tmp_path / "vars.env").write_text('# comment\n\n  A=1\nB= spaced \nHOME\nNOTSET\nC=#no\nD="quoted"\n')
    (tmp_path / "some.labels").write_text("one=1\ntwo\n# three\n")
    (tmp_path / "bad.env").write_text("A B=1\n")
    return tmp_path


def create(program, words, daemon, directory):
    daemon.requests.clear()
    environment = dict(os.environ, DOCKER_HOST=daemon.host, TIMBER_HOST=daemon.host, HOME="/root")
    environment.pop("NOTSET", None)
    result = subprocess.run(
        [program, "create", *shlex.split(words)], capture_output=True, text=True, env=environment, cwd=directory,
        stdin=subprocess.DEVNULL, timeout=60)
    (directory / "new.cid").unlink(missing_ok=True)
    sent = [request for request in daemon.requests if request[1] == "/containers/create"]
    if not sent:
        return result, None
    request = meaning(json.loads(sent[-1][3]))
    # docker writes these where nothing was asked for.
    if request["HostConfig"].get("PidsLimit") == 0:
        del request["HostConfig"]["PidsLimit"]
    if request["HostConfig"].get("RestartPolicy") == {"Name": "no"}:
        del request["HostConfig"]["RestartPolicy"]
    # docker sends variables in any order.
    if "Env" in request:
        request["Env"].sort()
    request["query"] = sent[-1][2]
    return result, request


@pytest.mark.parametrize("words", SAME)
def test_same_request_as_docker(words, executable, daemon, directory):
    ours, request = create(executable, words, daemon, directory)
    theirs, expected = create("docker", words, daemon, directory)
    assert theirs.returncode == 0, theirs.stderr
    assert ours.returncode == 0, ours.stderr
    assert request == expected


@pytest.mark.parametrize("words", REFUSED)
def test_refused_as_by_docker(words, executable, daemon, directory):
    ours, request = create(executable, words, daemon, directory)
    theirs, _ = create("docker", words, daemon, directory)
    assert (ours.returncode, theirs.returncode) == (125, 125)
    assert request is None
    assert ours.stderr.startswith("tctl: ") and ours.stdout == ""


def test_seccomp_profile_travels_as_text(tctl, daemon, tmp_path):
    (tmp_path / "profile.json").write_text('{\n  "defaultAction": "SCMP_ACT_ALLOW"\n}\n')
    assert tctl("create", "--security-opt", f"seccomp={tmp_path}/profile.json", "x").returncode == 0
    request = json.loads(daemon.last("/containers/create")[3])
    assert request["HostConfig"]["SecurityOpt"] == ['seccomp={"defaultAction":"SCMP_ACT_ALLOW"}']


def test_cidfile_is_taken_away_when_nothing_was_made(tctl, tmp_path):
    path = tmp_path / "cid"
    # What the daemon refuses is 1 from create, as from docker; only from run it is 125.
    assert tctl("create", "--cidfile", str(path), "missing").returncode == 1
    assert not path.exists()
    created = tctl("create", "--cidfile", str(path), "x")
    assert path.read_bytes() == created.stdout.strip()


def test_missing_image_is_fetched(tctl, daemon):
    result = tctl("run", "missing")
    assert result.returncode == 125
    assert b"Unable to find image 'missing:latest' locally\n" in result.stderr
    assert result.stderr.endswith(b"tctl: page not found\n")
    assert daemon.last("/images/create")[2] == {"fromImage": "missing:latest"}
    assert tctl("run", "--pull", "never", "missing").stderr == b"tctl: No such image: missing:latest\n"
