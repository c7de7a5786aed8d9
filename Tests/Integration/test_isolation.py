"""What a container can see and do: namespaces, capabilities, seccomp, mounts, devices, descriptors."""

import ctypes
import hashlib
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from harness import host
from harness.daemon import BIN
from harness.tarbuilder import TarBuilder
from harness.wait import until

PROBE = Path(__file__).with_name("probe.py")

# Docker's fourteen without MKNOD, NET_RAW and AUDIT_WRITE:
# CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE, SYS_CHROOT, SETFCAP.
DEFAULT_CAPABILITIES = sum(1 << number for number in (0, 1, 3, 4, 5, 6, 7, 8, 10, 18, 31))


@pytest.fixture
def probe(timber, python):
    """Runs the probe in a container with some flags and returns what it saw."""

    def look(*flags):
        return json.loads(timber.run("-i", *flags, python, "python3", "-", input=PROBE.read_bytes()).ok().out)

    return look


def capabilities(seen):
    return {name: int(value, 16) for name, value in seen["status"].items() if name.startswith("Cap")}


def test_capabilities(probe):
    assert capabilities(probe()) == {
        "CapInh": 0, "CapPrm": DEFAULT_CAPABILITIES, "CapEff": DEFAULT_CAPABILITIES, "CapBnd": DEFAULT_CAPABILITIES, "CapAmb": 0,
    }  # fmt: skip


def test_capabilities_of_another_user(probe):
    seen = capabilities(probe("-u", "1000"))
    assert (seen["CapPrm"], seen["CapEff"], seen["CapInh"], seen["CapAmb"]) == (0, 0, 0, 0)
    assert seen["CapBnd"] == DEFAULT_CAPABILITIES


def test_capabilities_added_and_dropped(probe):
    assert capabilities(probe("--cap-drop", "ALL"))["CapBnd"] == 0
    assert capabilities(probe("--cap-drop", "ALL", "--cap-add", "CAP_CHOWN"))["CapEff"] == 1
    assert capabilities(probe("--cap-add", "net_raw", "--cap-drop", "kill"))["CapEff"] == (DEFAULT_CAPABILITIES | 1 << 13) & ~(1 << 5)


def test_exec_has_no_more(timber, probe, python):
    timber.start_container("--name", "host", python, "sleep", "1000000")
    seen = json.loads(timber.tctl("exec", "-i", "host", "python3", "-", input=PROBE.read_bytes()).ok().out)
    assert capabilities(seen)["CapEff"] == capabilities(seen)["CapBnd"] == DEFAULT_CAPABILITIES
    assert capabilities(seen)["CapInh"] == 0
    assert seen["status"]["Seccomp"] == "2"
    assert seen["system calls"]["unshare user"] == "EPERM"


def test_seccomp(probe):
    seen = probe()
    assert seen["status"]["Seccomp"] == "2"
    calls = seen["system calls"]
    refused = {name for name, result in calls.items() if result in ("EPERM", "ENOSYS", "EACCES", "EAFNOSUPPORT")}
    allowed = {"socket inet", "getpid", "int 0x80 getpid", "ptrace", "clone3"}
    assert set(calls) - refused <= allowed | {"personality 32 bit"}, calls
    assert calls["getpid"] == "ok" and calls["socket inet"] == "ok"
    # clone3's flags are behind a pointer: ENOSYS makes libc use clone, whose flags can be seen.
    assert calls["clone3"] == "ENOSYS"
    for name in ("unshare user", "int 0x80 unshare user", "bpf", "keyctl", "io_uring_setup", "socket af_alg", "socket af_vsock"):
        assert calls[name] in ("EPERM", "ENOSYS", "EAFNOSUPPORT"), (name, calls[name])


def test_seccomp_can_be_turned_off(probe):
    assert probe("--security-opt", "seccomp=unconfined")["status"]["Seccomp"] == "0"


def test_seccomp_profile_of_the_user(timber, probe, tmp_path):
    profile = tmp_path / "profile.json"
    profile.write_text(
        json.dumps(
            {
                "defaultAction": "SCMP_ACT_ALLOW",
                "architectures": ["SCMP_ARCH_X86_64"],
                "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 42}],
            }
        )
    )
    result = timber.run("--security-opt", f"seccomp={profile}", "busybox", "mkdir", "/x")
    # busybox asks libc for the words of error 42.
    assert result.status == 1 and "No message of desired type" in result.err, result


def test_no_new_privileges(probe):
    assert probe()["status"]["NoNewPrivs"] == "0"
    assert probe("--security-opt", "no-new-privileges")["status"]["NoNewPrivs"] == "1"


def test_namespaces(timber):
    name = timber.sleeper()
    pid = timber.pid_of(name)
    for namespace in ("pid", "mnt", "net", "ipc", "uts", "cgroup"):
        assert os.readlink(f"/proc/{pid}/ns/{namespace}") != os.readlink(f"/proc/{timber.pid}/ns/{namespace}"), namespace


def test_first_process_and_its_peers(timber):
    assert timber.sh("echo $$; ps -o pid | tail -n +2 | wc -l").splitlines()[0] == "1"


def test_only_three_descriptors(probe):
    # The fourth is the directory that the probe reads.
    assert sorted(probe()["descriptors"]) in (["0", "1", "2"], ["0", "1", "2", "3"])


def test_root_is_left_behind(timber):
    """Neither the host's root nor the overlay's directories can be seen from inside."""
    mountinfo = timber.sh("cat /proc/self/mountinfo")
    assert str(timber.run_directory) not in mountinfo
    assert len(set(timber.sh("stat -c %d:%i / /..").splitlines())) == 1
    assert [line.split()[4] for line in mountinfo.splitlines()].count("/") == 1


def test_masked_and_read_only_paths(probe):
    seen = probe()
    assert {path: how for path, how in seen["masked"].items() if how == "readable"} == {}
    assert {path: how for path, how in seen["read-only"].items() if how == "no"} == {}


def test_devices(probe):
    devices = probe()["devices"]
    assert devices["null"] == "c 1:3 666"
    assert devices["zero"] == "c 1:5 666"
    assert devices["full"] == "c 1:7 666"
    assert devices["random"] == "c 1:8 666"
    assert devices["urandom"] == "c 1:9 666"
    assert devices["tty"] == "c 5:0 666"
    assert devices["fd"] == "/proc/self/fd" and devices["stdin"] == "/proc/self/fd/0"
    assert devices["ptmx"] in ("pts/ptmx", "c 5:2 666")
    usual = {"null", "zero", "full", "random", "urandom", "tty", "fd", "stdin", "stdout", "stderr", "ptmx", "pts", "shm", "mqueue"}
    assert usual <= set(devices) <= usual | {"core", "console"}


def test_device_nodes_cannot_be_made(probe):
    assert probe()["mknod"] == "EPERM"


def test_device_cgroup(timber):
    """With MKNOD a node can be made, and still not be opened."""
    out = timber.sh("mknod /tmp/disk b 254 0 && head -c1 /tmp/disk 2>&1 || true", "--cap-add", "MKNOD")
    assert "not permitted" in out


def test_device_given(timber):
    assert timber.sh("ls -l /dev/mine; head -c 3 /dev/mine | wc -c", "--device", "/dev/zero:/dev/mine").splitlines()[-1] == "3"
    assert "not permitted" in timber.sh("(echo > /dev/mine) 2>&1 || true", "--device", "/dev/kmsg:/dev/mine:r")


def test_devices_of_a_directory(timber, tmp_path):
    (tmp_path / "sub").mkdir()
    os.mknod(tmp_path / "one", 0o20666, os.makedev(1, 5))
    os.mknod(tmp_path / "sub" / "two", 0o20666, os.makedev(1, 7))
    (tmp_path / "file").write_text("no device")
    out = timber.sh("head -c 3 /dev/things/one | wc -c; find /dev/things ! -type d | sort", "--device", f"{tmp_path}:/dev/things")
    assert out.split() == ["3", "/dev/things/one", "/dev/things/sub/two"]
    timber.run("--device", f"{tmp_path / 'file'}:/dev/x", "busybox", "true").fails(125, "not a device")


def test_devices_of_the_host(timber):
    """--privileged has those in directories, too; a /dev that is mounted is left as it is."""
    find = "find /dev ( -path /dev/pts -o -path /dev/shm -o -path /dev/mqueue ) -prune -o ( -type c -o -type b ) -print".split()
    hosts = set(subprocess.run(find, capture_output=True, text=True, check=True).stdout.split()) - {"/dev/console", "/dev/ptmx"}
    assert hosts <= set(timber.run("--privileged", "busybox", *find).ok().out.split())
    before = sorted(os.listdir("/dev"))
    assert timber.sh("echo x > /dev/null; ls /dev", "-v", "/dev:/dev").split() == before
    timber.run("-t", "-v", "/dev:/dev", "busybox", "true").ok()
    assert sorted(os.listdir("/dev")) == before


KEYCTL, ADD_KEY = {"x86_64": (250, 248), "aarch64": (219, 217)}[os.uname().machine]
JOIN_SESSION_KEYRING, SESSION_KEYRING = 1, -3


def test_keys_of_the_daemon(fresh):
    """The session keyring of whoever started the daemon, and the keys in it, is not in reach, whatever the filter allows."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.syscall(KEYCTL, JOIN_SESSION_KEYRING, None, 0, 0, 0) > 0
    assert libc.syscall(ADD_KEY, b"user", b"timber-secret", b"x", 1, SESSION_KEYRING) > 0
    with open("/proc/keys") as file:
        assert "timber-secret" in file.read()
    fresh.restart()
    flags = ("--security-opt", "seccomp=unconfined", "--security-opt", "systempaths=unconfined", "-u", "1000")
    name = fresh.start_container(*flags, "busybox", "sleep", "1000")
    assert "timber-secret" not in fresh.sh("cat /proc/keys", *flags)
    assert "timber-secret" not in fresh.tctl("exec", name, "cat", "/proc/keys").ok().out


def test_init_of_another_user_has_no_capabilities(timber):
    out = timber.sh("cat /proc/1/comm; grep -E 'Cap(Prm|Eff)' /proc/1/status", "--init", "-u", "1000")
    assert out.split() == ["timber-init", "CapPrm:", "0" * 16, "CapEff:", "0" * 16]


def test_another_user_has_no_capabilities_to_find_the_program_with(timber):
    timber.run("-u", "1000", "busybox", "sh", "-c", "true").ok()
    name = timber.start_container("busybox", "sh", "-c", "mkdir -m 700 /x && cp /bin/busybox /x/true && sleep 1000")
    until(lambda: timber.tctl("exec", name, "/x/true").status == 0)
    timber.tctl("exec", "-u", "1000", name, "/x/true").fails(126)


def test_mounts_are_what_they_should_be(probe):
    mounts = probe()["mounts"]
    expected = {"/": "overlay", "/proc": "proc", "/sys": "sysfs", "/dev": "tmpfs", "/dev/pts": "devpts", "/dev/shm": "tmpfs", "/dev/mqueue": "mqueue"}
    assert {point: mounts[point]["type"] for point in expected} == expected
    for point in ("/proc", "/dev/shm", "/dev/mqueue"):
        assert {"nosuid", "nodev", "noexec"} <= set(mounts[point]["options"]), point
    assert {"ro", "nosuid", "nodev", "noexec"} <= set(mounts["/sys"]["options"])
    assert {"/etc/hostname", "/etc/hosts", "/etc/resolv.conf"} <= set(mounts)


def test_read_only_root(timber):
    assert "Read-only file system" in timber.sh("touch /x 2>&1 || true; touch /dev/shm/x && echo shm", "--read-only")
    assert timber.sh("touch /tmp/x && echo ok", "--read-only", "--tmpfs", "/tmp") == "ok"


def test_sysctls_of_the_container(timber):
    assert timber.sh("cat /proc/sys/net/ipv4/ip_unprivileged_port_start") == "0"
    assert timber.sh("cat /proc/sys/net/ipv4/ping_group_range").split() == ["0", "2147483647"]
    assert timber.sh("cat /proc/sys/net/core/somaxconn", "--sysctl", "net.core.somaxconn=77") == "77"


def test_ping_without_net_raw(timber, python):
    """ping_group_range lets anybody open a datagram socket for ICMP."""
    script = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)"
    timber.run("-u", "nobody", python, "python3", "-c", script).ok()


def test_privileged_ports_without_root(timber):
    assert "Permission" not in timber.sh("timeout 0.3 nc -l -p 80 2>&1 || true", "-u", "nobody")


def test_programs_of_the_runtime_cannot_be_changed(timber, busybox, tmp_path):
    """CVE-2019-5736: an entrypoint that is the runtime's own program, opened for writing by every way there is."""
    before = {program: digest(BIN / program) for program in ("timberd", "timber-shim")}
    script = "for fd in /proc/self/exe /proc/1/exe; do (exec 3>>$fd) 2>/dev/null && echo written; done; true"
    assert "written" not in timber.run("--init", "busybox", "sh", "-c", script).ok().out
    file = tmp_path / "image.tar"
    file.write_bytes(busybox.image("self:1", TarBuilder().file("run", "#!/proc/self/exe\n", mode=0o755)).docker_archive())
    timber.load(file).ok()
    timber.run("self:1", "/run")
    timber.tctl("rmi", "self:1").ok()
    assert {program: digest(BIN / program) for program in before} == before


def test_shim_is_not_in_reach(timber):
    """CVE-2016-9962: no process of the runtime can be seen or traced from inside."""
    out = timber.sh("ps -o pid,comm; ls -l /proc/1/exe", "--cap-add", "SYS_PTRACE")
    assert "timber" not in out


def test_no_abstract_socket(timber):
    """CVE-2020-15257: a container on the host's network reaches every abstract socket."""
    timber.sleeper()
    with open("/proc/net/unix") as file:
        assert not [line for line in file if "@" in line and "timber" in line.lower()]


def test_data_is_for_root_only(timber):
    """CVE-2021-41091: nobody may walk into the images' set-id programs."""
    for directory in (timber.data, timber.run_directory):
        assert os.stat(directory).st_mode & 0o077 == 0, directory


def test_privileged(probe):
    seen = probe("--privileged")
    assert seen["status"]["Seccomp"] == "0"
    with open("/proc/self/status") as file:
        own = int(re.search(r"CapBnd:\s*(\w+)", file.read())[1], 16)
    assert capabilities(seen)["CapEff"] == own
    assert "rw" in seen["mounts"]["/sys"]["options"]


def test_limits_reach_the_process(probe):
    seen = probe("--ulimit", "nofile=100:200", "--ulimit", "core=0")
    assert seen["limits"]["RLIMIT_NOFILE"] == [100, 200]
    assert seen["limits"]["RLIMIT_CORE"] == [0, 0]


def test_no_signal_is_blocked_or_ignored(probe):
    seen = probe()["signals blocked"]
    # Python ignores SIGPIPE (13) and SIGXFSZ (25) by itself.
    assert int(seen["SigBlk"], 16) == 0
    assert int(seen["SigIgn"], 16) & ~(1 << 12 | 1 << 24) == 0


def digest(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def test_a_container_costs_little(timber):
    name = timber.sleeper()
    [shim] = host.shims(timber.run_directory)
    assert host.resident_kib(shim) < 1024, f"the shim of {name} is too large"
