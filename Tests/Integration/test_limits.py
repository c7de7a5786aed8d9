"""Resource limits: what the kernel was told, and what it does about it."""

import pytest

from harness.wait import until

MEBI = 1 << 20


def cgroup_value(timber, name, v1, v2):
    """A value of the container's cgroup as the host has it: (controller, file) in v1, file in v2."""
    pid = timber.pid_of(name)
    with open(f"/proc/{pid}/cgroup") as file:
        paths = {controller: path for line in file for number, controllers, path in [line.rstrip("\n").split(":", 2)] for controller in (controllers.split(",") if controllers else [""])}
    controller, file_name = v1
    if controller in paths:
        with open(f"/sys/fs/cgroup/{controller}{paths[controller]}/{file_name}") as file:
            return file.read().strip()
    with open(f"/sys/fs/cgroup{paths['']}/{v2}") as file:
        return file.read().strip()


def test_memory(timber):
    name = timber.sleeper("-m", "32m")
    assert cgroup_value(timber, name, ("memory", "memory.limit_in_bytes"), "memory.max") == str(32 * MEBI)
    assert timber.inspect(name)["HostConfig"]["Memory"] == 32 * MEBI


def test_memory_is_enforced(timber):
    result = timber.run("-m", "16m", "busybox", "sh", "-c", "head -c 100000000 /dev/zero | tail | wc -c; exit 0")
    assert result.out != "100000000"


def test_pids(timber):
    name = timber.sleeper("--pids-limit", "7")
    assert cgroup_value(timber, name, ("pids", "pids.max"), "pids.max") == "7"
    script = "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 1 & done; wait"
    assert "can't fork" in timber.run("--pids-limit", "5", "busybox", "sh", "-c", script).err


def test_cpus(timber):
    name = timber.sleeper("--cpus", "0.5", "--cpu-shares", "512")
    quota = cgroup_value(timber, name, ("cpu", "cpu.cfs_quota_us"), "cpu.max")
    assert quota in ("50000", "50000 100000")
    shares = cgroup_value(timber, name, ("cpu", "cpu.shares"), "cpu.weight")
    assert shares in ("512", "20", "59")


def test_cpus_are_enforced(timber):
    name = timber.start_container("--cpus", "0.2", "busybox", "sh", "-c", "while :; do :; done")

    def throttled():
        lines = cgroup_value(timber, name, ("cpu", "cpu.stat"), "cpu.stat").splitlines()
        return int(dict(line.split() for line in lines)["nr_throttled"]) > 3

    until(throttled)


def test_cpuset(timber):
    assert timber.sh("grep Cpus_allowed_list /proc/self/status | cut -f2", "--cpuset-cpus", "0") == "0"


def test_shm_size(timber):
    assert timber.sh("df -k /dev/shm | tail -1 | tr -s ' ' | cut -d' ' -f2") == "65536"
    assert timber.sh("df -k /dev/shm | tail -1 | tr -s ' ' | cut -d' ' -f2", "--shm-size", "8m") == "8192"


def test_ulimit(timber):
    assert timber.sh("ulimit -n; ulimit -Hn", "--ulimit", "nofile=123:456").splitlines() == ["123", "456"]
    assert timber.sh("ulimit -c", "--ulimit", "core=0") == "0"


def test_oom_score(timber):
    assert timber.sh("cat /proc/self/oom_score_adj", "--oom-score-adj", "500") == "500"


def test_exec_has_the_same_limits(timber):
    name = timber.sleeper("--ulimit", "nofile=123:456", "--oom-score-adj", "500")
    out = timber.tctl("exec", name, "sh", "-c", "ulimit -n; ulimit -Hn; cat /proc/self/oom_score_adj").ok().out
    assert out.split() == ["123", "456", "500"]


def test_update_that_could_never_start_again(timber):
    for name in ("stopped", "runs"):
        timber.tctl("create", "--name", name, "-m", "64m", "--memory-swap", "64m", "busybox", "sleep", "1000").ok()
    timber.tctl("start", "runs").ok()
    for name in ("stopped", "runs"):
        assert "memory" in timber.api.post(f"/containers/{name}/update", {"Memory": 128 * MEBI}).expect(400).message
        assert timber.inspect(name)["HostConfig"]["Memory"] == 64 * MEBI
        timber.api.post(f"/containers/{name}/update", {"Memory": 128 * MEBI, "MemorySwap": 128 * MEBI}).expect(200)
    timber.tctl("start", "stopped").ok()


def test_a_limit_is_seen_from_inside(timber):
    """The container has a cgroup namespace of its own: its own cgroup is the root of what it sees."""
    paths = [line.split(":")[2] for line in timber.sh("cat /proc/self/cgroup").splitlines()]
    assert set(paths) == {"/"}


def test_runaway_is_killed_with_its_children(timber):
    """A fork bomb in a limit of processes goes away as a whole."""
    bomb = "(while :; do (sleep 1000000 &); done) 2>/dev/null & exec sleep 1000000"
    name = timber.start_container("--pids-limit", "50", "busybox", "sh", "-c", bomb)
    until(lambda: int(cgroup_value(timber, name, ("pids", "pids.current"), "pids.current")) > 45)
    timber.tctl("rm", "-f", name).ok()


@pytest.mark.parametrize("flags", [("-m", "64m", "--memory-swap", "128m"), ("-m", "64m", "--memory-swap", "-1"), ("-m", "64m", "--memory-swap", "64m")])
def test_swap(timber, flags):
    timber.run(*flags, "busybox", "true").ok()


def test_swap_below_memory_is_refused(timber):
    timber.run("-m", "64m", "--memory-swap", "32m", "busybox", "true").fails(125, "swap")
