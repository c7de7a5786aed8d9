"""Lists and templates print what the docker command line prints."""

import json
import os
import subprocess
import time

import pytest

CONTAINERS = [
    {
        "Id": "ab" * 32, "Names": ["/web"], "Image": "app:1", "ImageID": "sha256:" + "11" * 32, "Command": "python3 -m http.server 8080",
        # Ages that stay the same words while the tests run.
        "Created": int(time.time()) - 5 * 3600 - 600,
        "Ports": [
            {"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"}, {"IP": "::", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
            {"PrivatePort": 443, "Type": "tcp"}, {"PrivatePort": 444, "Type": "tcp"}, {"IP": "127.0.0.1", "PrivatePort": 53, "PublicPort": 53, "Type": "udp"},
        ],
        "Labels": {"a.b": "c"}, "State": "running", "Status": "Up About a minute", "HostConfig": {"NetworkMode": "bridge"},
        "NetworkSettings": {"Networks": {"bridge": {}}}, "SizeRw": 1500, "SizeRootFs": 74300000,
        "Mounts": [{"Type": "volume", "Name": "a" * 64, "Source": "/x", "Destination": "/y", "Driver": "local", "RW": True}],
    },
    {
        "Id": "cd" * 32, "Names": ["/old"], "Image": "sha256:" + "22" * 32, "ImageID": "sha256:" + "22" * 32, "Command": 'sh -c "echo \t é"',
        "Created": 1700000000, "Ports": [], "Labels": {}, "State": "exited", "Status": "Exited (0) 2 years ago", "HostConfig": {},
        "NetworkSettings": {"Networks": {}}, "Mounts": [],
    },
]

IMAGES = [
    {
        "Id": "sha256:" + "33" * 32, "RepoTags": ["app:1", "app:stable"], "RepoDigests": ["app@sha256:" + "44" * 32],
        "Created": int(time.time()) - 4000, "Size": 74300000, "SharedSize": -1, "Containers": -1, "Labels": {}, "ParentId": "",
    },
    {
        "Id": "sha256:" + "66" * 32, "RepoTags": ["localhost:5000/team/app:stable"], "RepoDigests": [], "Created": int(time.time()) - 90000,
        "Size": 123456, "SharedSize": -1, "Containers": -1, "Labels": {}, "ParentId": "",
    },
    {
        "Id": "sha256:" + "55" * 32, "RepoTags": [], "RepoDigests": [], "Created": 1700000000, "Size": 999, "SharedSize": -1,
        "Containers": -1, "Labels": None, "ParentId": "",
    },
]

HISTORY = [
    {"Id": "sha256:" + "33" * 32, "Created": 1700000000, "CreatedBy": "/bin/sh -c apt-get install -y something-with-a-long-name", "Size": 1234567, "Comment": "a", "Tags": ["app:1"]},
    {"Id": "<missing>", "Created": 1600000000, "CreatedBy": "ADD file:x in /", "Size": 0, "Comment": "", "Tags": None},
]

NETWORKS = [
    {
        "Name": "bridge", "Id": "ef" * 32, "Created": "2026-01-31T13:00:00.5Z", "Scope": "local", "Driver": "bridge", "EnableIPv4": True,
        "EnableIPv6": False, "IPAM": {"Driver": "default", "Config": [{"Subnet": "172.30.0.0/16"}]}, "Internal": False, "Labels": {"a": "b"},
    },
    {"Name": "alder", "Id": "01" * 32, "Created": "2026-01-31T13:00:00+01:30", "Scope": "local", "Driver": "null", "Internal": True, "Labels": None},
]

USAGE = {
    "LayersSize": 99000000, "Images": [IMAGES[0] | {"Containers": 1, "SharedSize": 1234567}, IMAGES[1] | {"Containers": 0, "SharedSize": 0}, IMAGES[2]],
    "Containers": CONTAINERS, "BuildCache": [],
    "Volumes": [
        {"Name": "data", "Driver": "local", "Mountpoint": "/x", "Labels": None, "Scope": "local", "Options": None, "UsageData": {"Size": 123456, "RefCount": 1}},
        {"Name": "old", "Driver": "local", "Mountpoint": "/y", "Labels": None, "Scope": "local", "Options": None, "UsageData": {"Size": 500, "RefCount": 0}},
    ],
}

EVENTS = [
    {"Type": "container", "Action": "die", "Actor": {"ID": "ab" * 32, "Attributes": {"name": "web", "exitCode": "0"}}, "scope": "local", "time": 1700000000, "timeNano": 1700000000000000012},
    {"Type": "image", "Action": "prune", "Actor": {"ID": "", "Attributes": {}}, "scope": "local", "time": 1700000001, "timeNano": 1700000001500000000},
]

INSPECT = {
    "Id": "ab" * 32, "Name": "/web", "Args": ["a", "b c"], "State": {"Running": True, "Pid": 42, "Health": None}, "Config": {"Env": ["A=1"], "Labels": {"x": "<y>"}},
    "NetworkSettings": {"Ports": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}], "443/tcp": None}}, "Mounts": [],
}

SAME = [
    ["ps", "-a"], ["ps", "-aq"], ["ps", "--no-trunc"], ["ps", "-q", "--no-trunc"], ["ps", "-as"],
    ["ps", "--format", "{{.ID}} {{.Names}}: {{.Ports}} {{.Mounts}} {{.LocalVolumes}} {{.Networks}} {{.Labels}}"],
    ["ps", "--format", r"table {{.Names}}\t{{.Status}}\t{{.Label \"a.b\"}}".replace('\\"', '"')], ["ps", "--format", "{{.Size}} {{.State}} {{.CreatedAt}}"],
    ["ps", "--format", '{{if eq .State "running"}}{{upper .Names}}{{else}}-{{end}}'], ["ps", "--format", "table"], ["container", "ls", "-a"],
    ["images"], ["images", "-q"], ["images", "--no-trunc"], ["images", "--digests"], ["images", "--format", "{{.Repository}}:{{.Tag}} {{.Size}} {{.ID}} {{.Digest}}"],
    ["image", "ls", "-q", "--no-trunc"],
    ["history", "app"], ["history", "--no-trunc", "app"], ["history", "-q", "app"], ["history", "-H=false", "app"], ["history", "--format", "{{.CreatedBy}}|{{.Size}}", "app"],
    ["inspect", "web"], ["inspect", "-f", "{{.Name}} {{.State.Pid}} {{.Args}} {{json .Config.Labels}}", "web"], ["inspect", "-f", "json", "web"],
    ["inspect", "-f", '{{range $p, $c := .NetworkSettings.Ports}}{{$p}}={{if $c}}{{(index $c 0).HostPort}}{{end}};{{end}}', "web"],
    ["inspect", "-f", '{{index .Config.Labels "x"}}{{index .Config.Labels "none"}}', "web"], ["inspect", "-f", '{{join .Config.Env ","}}|{{len .Args}}', "web"],
    ["port", "web"], ["port", "web", "80"], ["top", "web"],
    ["images", "--format", "{{.VirtualSize}} {{.SharedSize}} {{.UniqueSize}} {{.Containers}}"],
    ["network", "ls"], ["network", "ls", "-q"], ["network", "ls", "--no-trunc"], ["network", "list", "--format", "{{.Name}} {{.IPv4}} {{.IPv6}} {{.Internal}} {{.Labels}} {{.CreatedAt}}"],
    ["network", "inspect", "bridge"], ["network", "inspect", "-f", "{{.Name}} {{(index .IPAM.Config 0).Subnet}}", "bridge"],
    ["inspect", "-f", "{{.Driver}}", "bridge"], ["inspect", "--type", "network", "-f", "{{.Scope}}", "bridge"],
    ["system", "df"], ["system", "df", "-v"], ["system", "df", "--format", "{{.Type}} {{.TotalCount}} {{.Active}} {{.Size}} {{.Reclaimable}}"],
    ["system", "df", "--format", "json"],
    ["events"], ["system", "events"], ["events", "--format", "{{.Type}} {{.Action}} {{.Actor.ID}}"],
]


@pytest.fixture
def answers(daemon):
    daemon.answer("GET", "/containers/json", CONTAINERS)
    daemon.answer("GET", "/images/json", IMAGES)
    daemon.answer("GET", "/images/app/history", HISTORY)
    daemon.answer("GET", "/containers/web/json", INSPECT)
    daemon.answer("GET", "/networks", NETWORKS)
    daemon.answer("GET", "/networks/bridge", NETWORKS[0])
    for missing in ("containers", "images"):
        daemon.answer("GET", f"/{missing}/bridge/json", {"message": f"No such {missing[:-1]}: bridge"}, 404)
    daemon.answer("GET", "/system/df", USAGE)
    daemon.answer("GET", "/events", "".join(json.dumps(event) + "\n" for event in EVENTS).encode())
    daemon.answer("GET", "/containers/web/top", {"Titles": ["PID", "COMMAND"], "Processes": [["1", "sleep 10"], ["12345", "sh"]]})
    return daemon


@pytest.mark.parametrize("words", SAME, ids=" ".join)
def test_same_text_as_docker(words, executable, answers):
    environment = dict(os.environ, DOCKER_HOST=answers.host, TIMBER_HOST=answers.host, TZ="UTC")
    ours = subprocess.run([executable, *words], capture_output=True, text=True, env=environment, timeout=60)
    theirs = subprocess.run(["docker", *words], capture_output=True, text=True, env=environment, timeout=60)
    assert theirs.returncode == 0, theirs.stderr
    assert ours.returncode == 0, ours.stderr
    assert ours.stdout == theirs.stdout


@pytest.mark.parametrize("command", [["ps", "-a", "--format", "json"], ["images", "--format", "json"]], ids=" ".join)
def test_json_lines_have_dockers_fields(command, executable, answers):
    environment = dict(os.environ, DOCKER_HOST=answers.host, TIMBER_HOST=answers.host, TZ="UTC")
    ours = subprocess.run([executable, *command], capture_output=True, text=True, env=environment, timeout=60).stdout
    theirs = subprocess.run(["docker", *command], capture_output=True, text=True, env=environment, timeout=60).stdout
    # docker goes over maps, in no order.
    ours, theirs = (sorted(map(json.loads, text.splitlines()), key=lambda row: sorted(map(str, row.values()))) for text in (ours, theirs))
    for mine, line in zip(ours, theirs, strict=True):
        # Of images with several platforms; null without them.
        line.pop("Platform", None)
        for row in (mine, line):
            # Sets in no order.
            for key in ("Labels", "Networks"):
                row[key] = sorted(row.get(key, "").split(","))
        assert mine == line


def test_sets_are_printed_in_order(tctl, daemon):
    """docker goes over maps, in no order."""
    container = CONTAINERS[0] | {"Labels": {"z": "y", "a.b": "c"}, "NetworkSettings": {"Networks": {"other": {}, "bridge": {}}}}
    daemon.answer("GET", "/containers/json", [container])
    assert tctl("ps", "--format", "{{.Labels}} {{.Networks}}").stdout == b"a.b=c,z=y bridge,other\n"


def test_an_image_of_several_repositories(tctl, daemon):
    """A row for each name, in the daemon's order; docker goes over a map, in no order."""
    daemon.answer("GET", "/images/json", [IMAGES[0] | {"RepoTags": ["b:1", "localhost:5000/a:2", "b:3"], "RepoDigests": []}])
    out = tctl("images", "--format", "{{.Repository}}:{{.Tag}}").stdout.decode()
    assert out.splitlines() == ["b:1", "localhost:5000/a:2", "b:3"]


def test_missing_objects_are_named_after_the_found(tctl, answers):
    result = tctl("inspect", "web", "nothing")
    assert result.returncode == 1
    assert b'"Name": "/web"' in result.stdout
    assert result.stderr == b"tctl: there is no object nothing\n"


def test_hostile_words_do_not_reach_the_terminal(tctl, daemon):
    daemon.answer("GET", "/containers/json", [dict(CONTAINERS[0], Status="\x1b[2J\x9b", Names=["/a\nb\tc"])])
    out = tctl("ps").stdout.decode()
    assert "\x1b" not in out and "\x9b" not in out and len(out.splitlines()) == 2
    daemon.answer("POST", "/containers/x/stop", {"message": "no\x1b]0;title\x07\nway"}, 500)
    assert b"\x1b" not in tctl("stop", "x").stderr


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[1}", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"])
def test_hostile_answers_are_failures_with_words(tctl, daemon, answer):
    daemon.answer("GET", "/containers/json", answer, kind="raw")
    result = tctl("ps")
    assert result.returncode == 1
    assert result.stderr.startswith(b"tctl: ") and b"Fatal" not in result.stderr


@pytest.mark.parametrize("size", [-(2**63), -1, 0, 1, 2**63 - 1])
@pytest.mark.parametrize("other", [-(2**63), 1, 2**63 - 1])
def test_hostile_numbers_are_no_crash(tctl, daemon, size, other):
    image, container = IMAGES[0] | {"Size": size, "SharedSize": max(0, other), "Containers": 1, "Created": size}, CONTAINERS[0] | {"SizeRw": size, "Created": other}
    volume = {"Name": "v", "Driver": "local", "Mountpoint": "/", "Scope": "local", "UsageData": {"Size": size, "RefCount": other}}
    cache = {"ID": "c", "Size": other}
    daemon.answer("GET", "/images/json", [image, image])
    daemon.answer("GET", "/containers/json", [container, container])
    daemon.answer(
        "GET", "/system/df",
        {"LayersSize": other, "Images": [image] * 2, "Containers": [container, container | {"State": "exited", "SizeRw": other}],
         "Volumes": [volume] * 2, "BuildCache": [cache] * 2},
    )  # fmt: skip
    daemon.answer("GET", "/events", json.dumps({"Type": "x", "Action": "y", "time": size, "timeNano": other}).encode() + b"\n")
    for words in (["images"], ["ps", "-s"], ["system", "df"], ["system", "df", "-v"], ["events"]):
        result = tctl(*words)
        assert (result.returncode, result.stderr) == (0, b""), words


def test_no_daemon_says_how_to_start_it(executable, tmp_path):
    result = subprocess.run([executable, "-H", f"unix://{tmp_path}/none", "ps"], capture_output=True, text=True)
    assert result.returncode == 1
    assert "timberd is not running" in result.stderr and "start it with" in result.stderr


def test_no_permission_says_which_group(executable, daemon):
    import grp

    os.chmod(daemon.directory, 0o755)
    os.chmod(daemon.path, 0o660)
    os.chown(daemon.path, 0, grp.getgrnam("adm").gr_gid)
    result = subprocess.run([executable, "-H", daemon.host, "ps"], capture_output=True, text=True, user=65534, group=65534, extra_groups=[])
    assert result.returncode == 1
    assert "members of group adm" in result.stderr
