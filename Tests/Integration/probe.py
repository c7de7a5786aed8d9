"""Runs inside a container and prints, as JSON, what it sees. Only the standard library, one file, fed to python3 by stdin."""

import ctypes
import errno
import json
import mmap
import os
import resource
import stat
import sys

libc = ctypes.CDLL(None, use_errno=True)


def status_fields(*names):
    with open("/proc/self/status") as file:
        fields = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    return {name: fields[name].strip() for name in names}


def mounts():
    found = {}
    with open("/proc/self/mountinfo") as file:
        for line in file:
            left, right = line.split(" - ")
            fields = left.split()
            found[fields[4]] = {"type": right.split()[0], "options": sorted(fields[5].split(","))}
    return found


def descriptors():
    return {name: os.readlink(f"/proc/self/fd/{name}") for name in sorted(os.listdir("/proc/self/fd")) if os.path.exists(f"/proc/self/fd/{name}")}


def devices():
    found = {}
    for name in sorted(os.listdir("/dev")):
        status = os.lstat(f"/dev/{name}")
        if stat.S_ISLNK(status.st_mode):
            found[name] = os.readlink(f"/dev/{name}")
        elif stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
            kind = "c" if stat.S_ISCHR(status.st_mode) else "b"
            found[name] = f"{kind} {os.major(status.st_rdev)}:{os.minor(status.st_rdev)} {stat.S_IMODE(status.st_mode):o}"
        else:
            found[name] = "directory"
    return found


def attempt(action):
    """"ok", or the name of the error."""
    try:
        action()
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error.errno))
    return "ok"


def call(number, *arguments):
    """A system call by number: "ok", or the name of the error."""
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(argument) for argument in arguments])
    return "ok" if result >= 0 else errno.errorcode.get(ctypes.get_errno(), str(ctypes.get_errno()))


def machine_code(code, *arguments):
    """Runs `code` as a function of up to two longs, and tells its negative result as an error's name."""
    memory = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(code)
    function = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_long, ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))
    value = ctypes.c_int(function(*arguments)).value
    return errno.errorcode.get(-value, str(value)) if value < 0 else "ok"


# mov rax, rdi; mov rdi, rsi; syscall; ret: a system call with any number, so with the x32 bit too.
ANY_CALL = b"\x48\x89\xf8\x48\x89\xf7\x0f\x05\xc3"
# push rbx; mov eax, edi; mov ebx, esi; xor ecx, ecx; xor edx, edx; int 0x80; pop rbx; ret: the 32-bit way in.
INT_80 = b"\x53\x89\xf8\x89\xf3\x31\xc9\x31\xd2\xcd\x80\x5b\xc3"


def system_calls():
    clone_newuser = 0x10000000
    return {
        "unshare user": call(272, clone_newuser),
        "unshare mount": call(272, 0x00020000),
        "clone3": call(435, 0, 0),
        "mount": call(165, 0, 0, 0, 0, 0),
        "bpf": call(321, 0, 0, 0),
        "perf_event_open": call(298, 0, 0, 0, 0, 0),
        "userfaultfd": call(323, 0),
        "keyctl": call(250, 0, 0, 0, 0, 0),
        "add_key": call(248, 0, 0, 0, 0, 0),
        "io_uring_setup": call(425, 1, 0),
        "fsopen": call(430, 0, 0),
        "fsconfig": call(431, -1, 0, 0, 0, 0),
        "move_mount": call(429, -1, 0, -1, 0, 0),
        "kexec_load": call(246, 0, 0, 0, 0),
        "init_module": call(175, 0, 0, 0),
        "reboot": call(169, 0, 0, 0, 0),
        "settimeofday": call(164, 0, 0),
        "swapon": call(167, 0, 0),
        "pivot_root": call(155, 0, 0),
        "open_by_handle_at": call(304, -1, 0, 0),
        "personality 32 bit": call(135, 0x0008),
        "personality odd": call(135, 0x0400000),
        "socket af_alg": call(41, 38, 5, 0),
        "socket af_vsock": call(41, 40, 1, 0),
        "socket inet": call(41, 2, 1, 0),
        "socket raw": call(41, 2, 3, 1),
        "ptrace": call(101, 0, 0, 0, 0),
        "getpid": call(39),
        "int 0x80 unshare user": machine_code(INT_80, 310, clone_newuser),
        "int 0x80 getpid": machine_code(INT_80, 20, 0),
        "x32 unshare user": machine_code(ANY_CALL, 0x40000000 | 272, clone_newuser),
        "x32 getpid": machine_code(ANY_CALL, 0x40000000 | 39, 0),
    }


def masked(path):
    """How a path is hidden: "absent", "empty", or "readable"."""
    if not os.path.lexists(path):
        return "absent"
    try:
        if os.path.isdir(path):
            return "readable" if os.listdir(path) else "empty"
        with open(path, "rb") as file:
            return "readable" if file.read(1) else "empty"
    except OSError as error:
        return errno.errorcode[error.errno]


MASKED = [
    "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi",
    "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
]  # fmt: skip
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", "/sys", "/sys/fs/cgroup"]


def read_only(path):
    if not os.path.exists(path):
        return "absent"
    return "yes" if os.statvfs(path).f_flag & os.ST_RDONLY else "no"


print(
    json.dumps(
        {
            "status": status_fields("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Groups", "Uid", "Gid"),
            "pid": os.getpid(),
            "directory": os.getcwd(),
            "mounts": mounts(),
            "descriptors": descriptors(),
            "devices": devices(),
            "limits": {name: resource.getrlimit(getattr(resource, name)) for name in sorted(dir(resource)) if name.startswith("RLIMIT_")},
            "system calls": system_calls(),
            "masked": {path: masked(path) for path in MASKED},
            "read-only": {path: read_only(path) for path in READ_ONLY},
            "mknod": attempt(lambda: os.mknod("/tmp/disk", stat.S_IFBLK | 0o600, os.makedev(254, 0))),
            "hostname": os.uname().nodename,
            "umask": f"{os.umask(0):o}",
            "signals blocked": status_fields("SigBlk", "SigIgn"),
            "oom_score_adj": open("/proc/self/oom_score_adj").read().strip(),
            "argv": sys.argv,
        }
    )
)
