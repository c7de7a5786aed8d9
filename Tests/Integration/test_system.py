"""What the daemon says of itself: networks, disk usage, events."""

import contextlib
import json
import os
import resource
import select
import sqlite3
import threading
import time

import pytest

from harness import host
from harness.tarbuilder import TarBuilder
from harness.wait import until

# --- Networks ----------------------------------------------------------------------------------------------------------


def test_networks(timber):
    networks = {network["Name"]: network for network in timber.api.get("/networks").expect(200).json}
    assert {name: network["Driver"] for name, network in networks.items()} == {"bridge": "bridge", "host": "host", "none": "null"}
    assert networks["bridge"]["IPAM"]["Config"] == [{"Subnet": timber.slot.subnet, "Gateway": timber.slot.gateway}]
    assert networks["bridge"]["Options"]["com.docker.network.bridge.name"] == timber.bridge
    for network in networks.values():
        assert len(network["Id"]) == 64 and network["Scope"] == "local" and network["Containers"] == {}
        assert timber.api.get(f"/networks/{network['Id']}").expect(200).json["Name"] == network["Name"]
        assert timber.api.get(f"/networks/{network['Id'][:12]}").expect(200).json["Name"] == network["Name"]


def test_network_shows_its_containers(timber):
    name = timber.sleeper("--name", "oak")
    timber.sleeper("--name", "elm", "--network", "host")
    timber.tctl("create", "--name", "ash", "busybox").ok()
    network = timber.api.get("/networks/bridge").expect(200).json
    address = timber.inspect("oak")["NetworkSettings"]["IPAddress"]
    assert {container["Name"]: container["IPv4Address"] for container in network["Containers"].values()} == {"oak": f"{address}/24"}
    assert timber.inspect(name)["NetworkSettings"]["Networks"]["bridge"]["NetworkID"] == network["Id"]
    assert [container["Name"] for container in timber.api.get("/networks/host").json["Containers"].values()] == ["elm"]


@pytest.mark.parametrize(
    ("filters", "names"),
    [({"name": ["bri"]}, ["bridge"]), ({"driver": ["null"]}, ["none"]), ({"type": ["custom"]}, []), ({"dangling": ["true"]}, [])],
    ids=str,
)
def test_network_filters(timber, filters, names):
    assert [network["Name"] for network in timber.api.get("/networks", filters=filters).expect(200).json] == names


def test_built_in_networks_stay_as_they_are(timber):
    timber.tctl("create", "--name", "oak", "busybox").ok()
    for answer, word in (
        (timber.api.post("/networks/create", {"Name": "bridge"}).expect(403), "predefined"),
        (timber.api.post("/networks/create", {"Name": ""}).expect(400), "name"),
        (timber.api.delete("/networks/bridge").expect(403), "pre-defined"),
        (timber.api.delete("/networks/nosuch").expect(404), "nosuch"),
        (timber.api.post("/networks/host/connect", {"Container": "oak"}).expect(400), "host"),
        (timber.api.post("/networks/host/connect", {"Container": "nosuch"}).expect(404), "nosuch"),
        (timber.api.post("/networks/bridge/connect", {"Container": "nosuch"}).expect(404), "nosuch"),
        (timber.api.post("/networks/none/disconnect", {"Container": "oak"}).expect(400), "none"),
        (timber.api.get("/networks", filters={"nosuch": ["x"]}).expect(400), "nosuch"),
    ):
        assert word in answer.message
    assert timber.api.post("/networks/prune").expect(200).json["NetworksDeleted"] is None


# --- Disk usage --------------------------------------------------------------------------------------------------------


def usage(timber, *kinds):
    path = "/system/df" + ("?" + "&".join(f"type={kind}" for kind in kinds) if kinds else "")
    return timber.api.get(path).expect(200).json


def bytes_below(directory):
    """Bytes of the files below a directory, those with several names once."""
    files = {}
    for parent, _, names in os.walk(directory):
        for name in names:
            status = os.lstat(os.path.join(parent, name))
            files[status.st_ino] = status.st_size if not os.path.islink(os.path.join(parent, name)) else 0
    return sum(files.values())


def test_disk_usage_is_what_is_on_disk(timber):
    assert usage(timber)["LayersSize"] == bytes_below(timber.data / "layers") + bytes_below(timber.data / "content")


def test_disk_usage_of_images(timber):
    """Two names of one image are one image; it shares nothing."""
    timber.tctl("tag", "busybox", "df:1").ok()
    timber.sleeper("--name", "oak")
    before = usage(timber)
    [image] = [image for image in before["Images"] if "df:1" in image["RepoTags"]]
    assert (image["SharedSize"], image["Containers"]) == (0, 1)
    assert image["Size"] <= before["LayersSize"]
    timber.tctl("rmi", "df:1").ok()
    assert usage(timber)["LayersSize"] == before["LayersSize"]


def test_disk_usage_counts_shared_layers_once(timber, busybox):
    before = usage(timber)["LayersSize"]
    own = TarBuilder().file("own", b"x" * 10_000)
    timber.tctl("load", input=busybox.image("share:1", own).docker_archive()).ok()
    try:
        after = usage(timber)
        images = {image["RepoTags"][0]: image for image in after["Images"]}
        base, derived = images["busybox:latest"], images["share:1"]
        assert base["SharedSize"] == derived["SharedSize"] == base["Size"]
        assert derived["Size"] - derived["SharedSize"] == 10_000 + len(own.bytes())
        assert after["LayersSize"] == before + 10_000 + len(own.bytes())
        assert after["LayersSize"] == bytes_below(timber.data / "layers") + bytes_below(timber.data / "content")
        listed = {image["RepoTags"][0]: image for image in timber.api.get("/images/json", **{"shared-size": 1}).expect(200).json}
        assert listed["share:1"]["SharedSize"] == listed["busybox:latest"]["Size"] and listed["share:1"]["Size"] > listed["share:1"]["SharedSize"]
    finally:
        timber.tctl("rmi", "share:1").ok()
    assert usage(timber)["LayersSize"] == before


def test_disk_usage_of_containers_and_volumes(timber):
    timber.run("--name", "oak", "-v", "dfvolume:/v", "busybox", "sh", "-c", "head -c 5000 /dev/zero >/v/file").ok()
    timber.tctl("run", "--name", "elm", "-v", "dfvolume:/v", "busybox", "sh", "-c", "head -c 7000 /dev/zero >/file").ok()
    answer = usage(timber)
    assert {container["Names"][0]: container["SizeRw"] for container in answer["Containers"]} == {"/elm": 7000}
    [volume] = [volume for volume in answer["Volumes"] if volume["Name"] == "dfvolume"]
    assert volume["UsageData"] == {"RefCount": 1, "Size": 5000} and volume["Mountpoint"].startswith(str(timber.data))
    assert answer["BuildCache"] == []


def test_disk_usage_by_kind(timber):
    answer = usage(timber, "image")
    assert answer["Images"] and answer["Containers"] is answer["Volumes"] is answer["BuildCache"] is None
    answer = usage(timber, "volume", "container")
    assert answer["Volumes"] is not None and answer["Containers"] == [] and answer["Images"] is None and answer["LayersSize"] == 0
    assert "nosuch" in timber.api.get("/system/df?type=nosuch").expect(400).message


# --- Events ------------------------------------------------------------------------------------------------------------


def events(timber, **query):
    return [json.loads(line) for line in timber.api.get("/events", **query).expect(200).body.splitlines() if line.strip()]


def test_past_events_end_at_once(timber):
    begun = time.time()
    timber.run("--name", "evented", "busybox", "true").ok()
    ended = time.time()
    timber.run("--name", "later", "busybox", "true").ok()
    past = events(timber, since=f"{begun:.9f}", until=f"{ended:.9f}")
    assert {event["Actor"]["Attributes"]["name"] for event in past if event["Type"] == "container"} == {"evented"}
    assert [event["Action"] for event in past if event["Type"] == "network"] == ["connect", "disconnect"]
    assert [event["timeNano"] for event in past] == sorted(event["timeNano"] for event in past)
    assert events(timber, since=f"{begun:.9f}", until=f"{ended:.9f}", filters={"event": ["die"]})[0]["Actor"]["Attributes"]["exitCode"] == "0"
    assert "since" in timber.api.get("/events", since=f"{ended:.9f}", until=f"{begun:.9f}").expect(400).message
    timber.api.get("/events", until=0, filters={"nosuch": ["x"]}).expect(400)


def test_events_to_come_end_in_time(timber):
    """`until` in the future: what happens until then, and the end by itself."""
    # On a machine that stands still for a moment the container may be made too late for the first.
    for seconds in (2, 10, 40):
        found, end = [], time.time() + seconds
        reader = threading.Thread(target=lambda: found.extend(events(timber, until=f"{end:.9f}", filters={"type": ["container"]})))
        reader.start()
        name = f"coming{seconds}"
        timber.tctl("create", "--name", name, "busybox").ok()
        in_time = time.time() < end
        reader.join(seconds + 30)
        assert not reader.is_alive() and time.time() > end - 0.5
        if in_time:
            break
    assert in_time and [event["Action"] for event in found if event["Actor"]["Attributes"].get("name") == name] == ["create"]


def test_events_survive_the_daemon(fresh):
    """Those of an earlier daemon are there, also of one that was killed; what comes joins what was without a gap."""
    begun = time.time()
    fresh.run("--name", "stopped", "--label", "a=b", "busybox", "true").ok()
    fresh.restart()
    fresh.run("--name", "killed", "busybox", "true").ok()
    until(lambda: "destroy" in stored_actions(fresh, "killed"))
    fresh.kill()
    fresh.start()
    fresh.run("--name", "now", "busybox", "true").ok()
    past = events(fresh, since=f"{begun:.9f}", until=f"{time.time():.9f}", filters={"type": ["container"]})
    names = [event["Actor"]["Attributes"]["name"] for event in past]
    for name in ("stopped", "killed", "now"):
        assert [e["Action"] for e in past if e["Actor"]["Attributes"]["name"] == name] == ["create", "attach", "start", "die", "destroy"]
    assert names == sorted(names, key=["stopped", "killed", "now"].index)
    assert [e["Actor"]["Attributes"]["name"] for e in events(fresh, since=0, until=f"{time.time():.9f}", filters={"label": ["a=b"], "event": ["die"]})] == ["stopped"]


def stored_actions(timber, name):
    """What the database has of a container's events: the daemon writes them a moment later."""
    with contextlib.closing(sqlite3.connect(f"file:{timber.data}/state.db?mode=ro", uri=True)) as database:
        bodies = [json.loads(body) for (body,) in database.execute("SELECT body FROM event ORDER BY number")]
    return [body["Action"] for body in bodies if body["Actor"]["Attributes"].get("name") == name]


def test_past_and_coming_events_join_without_a_gap(timber):
    """Listeners that ask for the past while things happen see each of them once."""
    begun = time.time()
    stop = threading.Event()
    made = []

    def tag():
        while not stop.is_set():
            made.append(f"gap:{len(made)}")
            timber.api.post("/images/busybox/tag", repo="gap", tag=str(len(made) - 1)).expect(201)

    maker = threading.Thread(target=tag)
    maker.start()
    try:
        # The first one is made.
        until(lambda: len(made) > 1)
        seen = []
        for _ in range(5):
            read = events(timber, since=f"{begun:.9f}", until=f"{time.time() + 1:.9f}", filters={"event": ["tag"], "type": ["image"]})
            seen.append([event["Actor"]["Attributes"]["name"] for event in read if event["Actor"]["Attributes"]["name"].startswith("gap:")])
    finally:
        stop.set()
        maker.join()
        for name in made:
            timber.api.delete(f"/images/{name}").expect(200)
    for names in seen:
        assert names == made[: len(names)]
    assert len(seen[-1]) > len(seen[0]) > 0


def test_events_of_images_and_execs(timber):
    begun = time.time()
    timber.tctl("tag", "busybox", "evented:1").ok()
    timber.tctl("rmi", "evented:1").ok()
    timber.sleeper("--name", "oak")
    timber.tctl("exec", "oak", "sh", "-c", "exit 3")
    past = events(timber, since=f"{begun:.9f}", until=f"{time.time():.9f}")
    assert [event["Action"] for event in past if event["Type"] == "image"] == ["tag", "untag"]
    assert [event["Action"].split(":")[0] for event in past if event["Action"].startswith("exec_")] == ["exec_create", "exec_start", "exec_die"]
    [end] = [event for event in past if event["Action"] == "exec_die"]
    assert end["Actor"]["Attributes"]["exitCode"] == "3"


def test_listeners_that_go_away_are_forgotten(timber):
    def listeners():
        return timber.api.get("/info").json["NEventsListener"]

    before = listeners()
    connections = [timber.api.open() for _ in range(20)]
    for connection in connections:
        connection.sendall(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
    until(lambda: listeners() == before + 20)
    for connection in connections:
        connection.close()
    until(lambda: listeners() == before)


# --- Descriptors -------------------------------------------------------------------------------------------------------


def test_containers_get_the_limit_that_the_daemon_was_started_with(fresh):
    """The daemon takes all that it may have; programs in containers expect what the administrator set."""
    fresh.stop()
    fresh.start(descriptors=(300, 3000))
    assert resource.prlimit(fresh.pid, resource.RLIMIT_NOFILE) == (3000, 3000)
    show = ("sh", "-c", "ulimit -Sn; ulimit -Hn")
    given = ["300", "3000"]
    assert fresh.run("busybox", *show).ok().lines == given
    fresh.run("-d", "--name", "plain", "busybox", "sleep", "60").ok()
    fresh.run("-d", "--name", "asked", "--ulimit", "nofile=50:60", "busybox", "sleep", "60").ok()
    assert fresh.tctl("exec", "plain", *show).ok().lines == given
    assert fresh.tctl("exec", "asked", *show).ok().lines == ["50", "60"]


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        user, system = file.read().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def test_no_descriptor_left_is_no_busy_loop(fresh):
    """Clients do not get the last descriptors: they are told so, and the daemon neither ends nor keeps a processor busy over them."""
    limits = resource.prlimit(fresh.pid, resource.RLIMIT_NOFILE)
    limit = max(host.descriptors(fresh.pid)) + 60
    with contextlib.ExitStack() as stack:
        resource.prlimit(fresh.pid, resource.RLIMIT_NOFILE, (limit, limits[1]))
        stack.callback(resource.prlimit, fresh.pid, resource.RLIMIT_NOFILE, limits)
        clients = [stack.enter_context(fresh.api.open()) for _ in range(limit)]
        # As many as there is room for stay.
        refused = until(lambda: len(found := select.select(clients, [], [], 0)[0]) >= 40 and found)
        assert all(client.recv(1000).startswith(b"HTTP/1.1 503 ") for client in refused)
        until(lambda: len(host.descriptors(fresh.pid)) < limit - 10)
        before = cpu_seconds(fresh.pid)
        time.sleep(2)
        assert cpu_seconds(fresh.pid) - before < 0.5
    until(fresh.answers)
    fresh.run("busybox", "true").ok()


def test_clients_get_half_of_the_descriptors(fresh):
    """One client too many is told so, and containers can still be started."""
    fresh.stop()
    # The hard limit counts: the daemon raises its soft one.
    fresh.start(descriptors=(200, 200))
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(fresh.api.open()) for _ in range(102)]
        # Which one comes last is for the daemon's threads to say.
        refused = until(lambda: select.select(clients, [], [], 0)[0])
        answer = refused[0].recv(1000)
        assert answer.startswith(b"HTTP/1.1 503 ") and b"too many connections" in answer
        for connection in clients[:20]:
            connection.close()
        until(fresh.answers)
        fresh.run("busybox", "true").ok()


# --- Pruning -----------------------------------------------------------------------------------------------------------


def test_system_prune(fresh, busybox):
    """What is used stays; volumes go only when they are asked for, those with names not even then."""
    fresh.tctl("run", "--name", "done", "-v", "/anonymous", "-v", "named:/n", "busybox", "sh", "-c", "head -c 3000 /dev/zero >/file").ok()
    fresh.sleeper("--name", "used", "-v", "/here")
    fresh.tctl("load", input=busybox.image("unused:1", TarBuilder().file("x", b"x")).docker_archive()).ok()
    refused = fresh.tctl("system", "prune", input="n\n").fails(1, "nothing was removed")
    assert "all stopped containers" in refused.err and "volumes" not in refused.err
    result = fresh.tctl("system", "prune", "-f").ok()
    assert result.lines[0] == "Deleted Containers:" and result.lines[-1] == "Total reclaimed space: 3kB"
    assert [container["Names"] for container in fresh.api.get("/containers/json", all=1).json] == [["/used"]]
    assert "unused:1" in fresh.images() and len(fresh.api.get("/volumes").json["Volumes"]) == 3
    result = fresh.tctl("system", "prune", "-a", "-f", "--volumes", "--filter", "label!=keep").ok()
    assert "untagged: unused:1" in result.out and "Deleted Volumes:" in result.out
    assert "unused:1" not in fresh.images() and "busybox:latest" in fresh.images()
    assert sorted(len(volume["Name"]) for volume in fresh.api.get("/volumes").json["Volumes"]) == [5, 64]
    fresh.tctl("system", "prune", "-f", "--volumes", "--filter", "until=1h").fails(1, "until")
    fresh.tctl("rm", "-fv", "used").ok()
    fresh.tctl("volume", "rm", "named").ok()


@pytest.mark.parametrize("kind", ["containers", "images", "volumes", "networks"])
def test_prune_refuses_filters_that_mean_nothing(timber, kind):
    assert "nosuch" in timber.api.post(f"/{kind}/prune", filters={"nosuch": ["x"]}).expect(400).message
    timber.api.post(f"/{kind}/prune", filters="not json").expect(400)


def test_pruned_containers_match_the_filters(timber):
    timber.tctl("create", "--name", "old", "--label", "a=b", "busybox").ok()
    timber.tctl("create", "--name", "other", "busybox").ok()
    assert timber.api.post("/containers/prune", filters={"until": ["1h"]}).expect(200).json["ContainersDeleted"] is None
    assert timber.api.post("/containers/prune", filters={"label!": ["a"], "until": ["0s"]}).expect(200).json["ContainersDeleted"]
    assert [container["Names"] for container in timber.api.get("/containers/json", all=1).json] == [["/old"]]
    assert timber.api.post("/containers/prune", filters={"label": ["a=b"]}).expect(200).json["ContainersDeleted"]
