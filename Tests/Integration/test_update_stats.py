"""update: limits and what becomes of them; stats: what they say, when they come, and who may leave them unread."""

import json
import socket
import time
from pathlib import Path

import docker
import pytest

from harness.wait import until

BUSY = ("busybox", "sh", "-c", "while :; do :; done")


def limit(daemon, name, legacy, unified):
    """A limit as the kernel has it for a container: a file of v1, or of v2."""
    found = sorted(Path("/sys/fs/cgroup").glob(f"{daemon.cgroup}/{name}/{unified}")) or sorted(
        Path("/sys/fs/cgroup").glob(f"*/{daemon.cgroup}/{name}/{legacy}"))
    assert found, f"{name} has neither {legacy} nor {unified}"
    return found[0].read_text().strip()


def memory(daemon, name):
    return limit(daemon, name, "memory.limit_in_bytes", "memory.max")


def pids(daemon, name):
    return limit(daemon, name, "pids.max", "pids.max")


def client(daemon):
    return docker.DockerClient(base_url=f"unix://{daemon.socket}", timeout=30)


# --- update -----------------------------------------------------------------------------------------------------------


def test_update_of_a_running_container(timber):
    name = timber.sleeper("-m", "64m", "--pids-limit", "100")
    assert timber.docker("update", "-m", "48m", "--memory-swap", "96m", "--pids-limit", "33", "--cpus", "0.5", name).ok().out == name
    assert (memory(timber, name), pids(timber, name)) == (str(48 << 20), "33")
    host = timber.inspect(name)["HostConfig"]
    assert (host["Memory"], host["MemorySwap"], host["PidsLimit"], host["NanoCpus"]) == (48 << 20, 96 << 20, 33, 500_000_000)
    # The next run has them too.
    timber.tctl("restart", "-t", "0", name).ok()
    assert (memory(timber, name), pids(timber, name)) == (str(48 << 20), "33")


def test_update_of_a_stopped_container(timber):
    name = timber.tctl("create", "busybox", "sleep", "1000000").ok().out
    timber.tctl("update", "--pids-limit", "44", "--cpu-shares", "512", name).ok()
    timber.tctl("start", name).ok()
    assert pids(timber, name) == "44"
    assert timber.inspect(name)["HostConfig"]["CpuShares"] == 512


def test_update_of_several(timber):
    names = [timber.sleeper(), timber.sleeper()]
    assert timber.tctl("update", "--pids-limit", "55", *names).ok().lines == names
    assert [pids(timber, name) for name in names] == ["55", "55"]
    timber.tctl("update", "--pids-limit", "56", names[0], "nosuch").fails(1, "nosuch")
    assert pids(timber, names[0]) == "56"


@pytest.mark.parametrize(
    "body",
    [
        {"Memory": 1}, {"CpuQuota": 5}, {"CpusetCpus": "9999"}, {"CpusetCpus": "x"}, {"BlkioWeight": 5}, {"BlkioWeightDevice": [{"Path": "/dev/null", "Weight": 10}]},
        {"BlkioDeviceReadBps": [{"Path": "/dev/null", "Rate": 10}]}, {"CgroupParent": "/x"}, {"KernelMemory": 1 << 30}, {"CpuRealtimeRuntime": 1000},
        {"Devices": [{"PathOnHost": "/dev/null"}]}, {"Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 1}]}, {"OomKillDisable": True},
        {"DeviceRequests": [{"Count": 1}]}, {"RestartPolicy": {"Name": "sometimes"}}, {"MemorySwap": 1},
    ],
    ids=json.dumps,
)  # fmt: skip
def test_update_is_all_or_nothing(timber, body):
    """What is wrong or not supported takes the rest of the request down with it."""
    name = timber.sleeper("-m", "64m", "--pids-limit", "100")
    answer = timber.api.post(f"/containers/{name}/update", {"PidsLimit": 7, "RestartPolicy": {"Name": "always"}} | body).expect(400, 409, 501)
    assert answer.message
    assert (pids(timber, name), memory(timber, name)) == ("100", str(64 << 20))
    host = timber.inspect(name)["HostConfig"]
    assert (host["PidsLimit"], host["RestartPolicy"]["Name"]) == (100, "no")


def test_a_limit_that_the_kernel_refuses_undoes_the_others(timber):
    """The container holds more memory than it would get: nothing of the request stays."""
    hold = "head -c 30000000 /dev/zero > /hold/x; echo held; sleep 1000000"
    flags = ("-m", "200m", "--memory-swap", "200m", "--pids-limit", "100", "--tmpfs", "/hold")
    name = timber.start_container(*flags, "busybox", "sh", "-c", hold)
    timber.wait_for_log(name, "held", seconds=30)
    answer = timber.api.post(f"/containers/{name}/update", {"Memory": 8 << 20, "MemorySwap": 8 << 20, "PidsLimit": 77, "CpuShares": 99})
    if answer.status == 200:
        pytest.fail("this kernel shrank a container below what it holds, and killed nothing: the test holds no memory")
    answer.expect(409, 503)
    assert memory(timber, name) == str(200 << 20)
    assert pids(timber, name) == "100"
    assert timber.inspect(name)["HostConfig"]["Memory"] == 200 << 20


@pytest.mark.parametrize("delay", [0.0, 0.002, 0.005, 0.01])
def test_killed_in_the_middle_of_an_update(fresh, delay):
    """What inspect says and what the kernel does are the same, whenever timberd died."""
    name = fresh.sleeper("-m", "64m", "--memory-swap", "128m", "--pids-limit", "100")
    process = fresh.popen("update", "-m", "32m", "--memory-swap", "64m", "--pids-limit", "50", name)
    time.sleep(delay)
    fresh.kill()
    process.wait(30)
    fresh.start()
    host = fresh.inspect(name)["HostConfig"]
    assert (host["Memory"], host["PidsLimit"]) in ((64 << 20, 100), (32 << 20, 50))
    assert (memory(fresh, name), pids(fresh, name)) == (str(host["Memory"]), str(host["PidsLimit"]))


def test_update_without_a_change(timber):
    name = timber.sleeper()
    timber.tctl("update", name).fails(125, "nothing to update")
    timber.api.post(f"/containers/{name}/update", {}).expect(200)
    timber.api.post("/containers/nosuch/update", {}).expect(404)


# --- stats ------------------------------------------------------------------------------------------------------------


def test_one_shot(timber):
    name = timber.start_container("-m", "64m", "--name", "ash", "busybox", "sh", "-c", "sleep 1000000 & echo two; wait")
    timber.wait_for_log(name, "two")
    sample = timber.api.get(f"/containers/{name}/stats", stream="false", **{"one-shot": "true"}).expect(200).json
    assert (sample["id"], sample["name"]) == (name, "/ash")
    assert sample["memory_stats"]["limit"] == 64 << 20 and sample["memory_stats"]["usage"] > 0
    assert sample["pids_stats"]["current"] == 2
    assert sample["cpu_stats"]["system_cpu_usage"] > 0 and sample["cpu_stats"]["online_cpus"] >= 1
    assert "system_cpu_usage" not in sample["precpu_stats"] and sample["preread"].startswith("0001-")
    assert set(sample["networks"]) == {"eth0"} and "rx_bytes" in sample["networks"]["eth0"]
    unified = Path("/sys/fs/cgroup/cgroup.controllers").exists()
    assert ("percpu_usage" in sample["cpu_stats"]["cpu_usage"]) != unified
    assert ("max_usage" in sample["memory_stats"]) != unified


def test_two_samples_are_compared(timber):
    name = timber.start_container(*BUSY)
    sample = timber.api.get(f"/containers/{name}/stats", stream="false").expect(200).json
    used = sample["cpu_stats"]["cpu_usage"]["total_usage"] - sample["precpu_stats"]["cpu_usage"]["total_usage"]
    passed = sample["cpu_stats"]["system_cpu_usage"] - sample["precpu_stats"]["system_cpu_usage"]
    assert 0 < used and 0 < passed
    assert sample["read"] > sample["preread"] > "2000"


def test_limit_of_a_container_without_one_is_the_hosts(timber):
    name = timber.sleeper()
    sample = timber.api.get(f"/containers/{name}/stats", stream="false", **{"one-shot": 1}).json
    assert sample["memory_stats"]["limit"] == timber.api.get("/info").json["MemTotal"]


def test_stats_of_a_container_that_does_not_run(timber):
    name = timber.tctl("create", "--name", "off", "busybox").ok().out
    sample = timber.api.get("/containers/off/stats", stream="false").expect(200).json
    assert sample["id"] == name and sample["read"].startswith("0001-")
    assert sample["cpu_stats"]["cpu_usage"]["total_usage"] == 0 and "networks" not in sample
    assert "off" in timber.docker("stats", "--no-stream", "--format", "{{.Name}} {{.CPUPerc}}", "off").ok().out


def test_stats_of_other_networks(timber):
    for network, names in [("none", None), ("host", None)]:
        name = timber.sleeper("--network", network)
        sample = timber.api.get(f"/containers/{name}/stats", stream="false", **{"one-shot": 1}).expect(200).json
        assert sample.get("networks") == names


def test_stream_ends_with_the_container(timber):
    name = timber.sleeper()
    samples = client(timber).containers.get(name).stats(stream=True, decode=True)
    first, second = next(samples), next(samples)
    assert second["precpu_stats"]["cpu_usage"] == first["cpu_stats"]["cpu_usage"]
    timber.tctl("stop", "-t", "0", name).ok()
    until(lambda: next(samples)["pids_stats"] == {})
    timber.tctl("rm", name).ok()
    # One may have come before the removal; then it ends.
    assert all(sample["pids_stats"] == {} for sample in samples)


def test_wrong_questions(timber):
    name = timber.sleeper()
    timber.api.get("/containers/nosuch/stats").expect(404)
    assert "one-shot" in timber.api.get(f"/containers/{name}/stats", stream="true", **{"one-shot": "true"}).expect(400).message


def test_docker_stats(timber):
    name = timber.sleeper("--name", "birch", "-m", "64m")

    def row():
        return timber.docker("stats", "--no-stream", "--format", "{{.ID}} {{.Name}} {{.MemUsage}} {{.PIDs}}").ok().out

    # The shell, and the sleep that it may not have forked yet.
    out = until(lambda: (out := row()).endswith(" 2") and out)
    assert out.startswith(f"{name[:12]} birch ") and out.endswith("/ 64MiB 2")


def test_a_client_that_does_not_read(timber):
    """Samples that nobody reads are not made: the daemon does not grow, and others get theirs."""
    name = timber.sleeper()
    lazy = []
    for _ in range(5):
        connection = timber.api.open()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
        connection.sendall(f"GET /v1.43/containers/{name}/stats HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        lazy.append(connection)
    assert timber.api.get(f"/containers/{name}/stats", stream="false").expect(200).json["id"] == name
    timber.tctl("rm", "-f", name).ok()
    for connection in lazy:
        connection.close()


def test_tctl_stats(timber):
    name = timber.start_container("--name", "cedar", "-m", "64m", *BUSY)
    timber.tctl("create", "--name", "off", "busybox").ok()
    lines = timber.tctl("stats", "--no-stream").ok().lines
    assert lines[0].split("   ")[0] == "CONTAINER ID" and "MEM USAGE / LIMIT" in lines[0]
    [row] = lines[1:]
    assert row.startswith(name[:12]) and "cedar" in row and "/ 64MiB" in row
    assert len(timber.tctl("stats", "--no-stream", "-a").ok().lines) == 3
    row = timber.tctl("stats", "--no-stream", "--no-trunc", "--format", "{{.ID}} {{.CPUPerc}} {{.PIDs}}", "cedar").ok().out
    assert row.split()[0] == name and float(row.split()[1].rstrip("%")) > 1 and row.split()[2] == "1"
    assert json.loads(timber.tctl("stats", "--no-stream", "--format", "json", "cedar").ok().out)["Name"] == "cedar"
    timber.tctl("stats", "--no-stream", "nosuch").fails(1, "nosuch")


def test_tctl_stats_goes_on(timber):
    timber.sleeper("--name", "alder")
    process = timber.popen("stats", "--format", "{{.Name}} {{.CPUPerc}}", "alder")
    for _ in range(2):
        line = process.stdout.readline()
        while b"alder" not in line:
            line = process.stdout.readline()
            assert line, process.stderr.read()
    process.terminate()
    process.wait(30)
