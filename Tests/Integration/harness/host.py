"""What a daemon has on the host: mounts, interfaces, firewall, cgroups, processes, descriptors, files.

Other daemons may run beside ours, so everything is filtered by what is ours: directories, bridge, container ids.
"""

import json
import os
import re
import subprocess
from pathlib import Path


def mounts(*directories):
    """Mount points of the host's namespace that lie in, or come from, one of `directories`."""
    needles = [str(directory) for directory in directories]
    with open("/proc/1/mountinfo") as file:
        return sorted(line.split()[4] for line in file if any(needle in line for needle in needles))


def ports_of(bridge):
    """Names of the interfaces that hang on `bridge`."""
    directory = Path("/sys/class/net") / bridge / "brif"
    return sorted(entry.name for entry in directory.iterdir()) if directory.exists() else []


def networks_of(bridge):
    """Names of the bridges of the networks that users of a daemon have made, by the daemon's bridge."""
    found = []
    for name in interfaces():
        try:
            alias = Path("/sys/class/net", name, "ifalias").read_text()
        except OSError:
            continue  # It has just gone.
        if alias.startswith(f"timber network {bridge} "):
            found.append(name)
    return sorted(found)


def interfaces():
    return set(os.listdir("/sys/class/net"))


def firewall(bridge):
    """The rules, sets and elements of every nftables table that names `bridge`, as comparable text."""
    listing = subprocess.run(["nft", "-j", "list", "ruleset"], check=True, capture_output=True).stdout
    by_table = {}
    for entry in json.loads(listing)["nftables"]:
        for kind, value in entry.items():
            if kind == "metainfo":
                continue
            table = (value.get("family"), value["name"] if kind == "table" else value.get("table"))
            if isinstance(value, dict):
                value = {key: item for key, item in value.items() if key != "handle"}
            # Interfaces that a host did not route between before: daemons that end leave this knowledge to others.
            if kind == "set" and value["name"] in ("unrouted", "unrouted6"):
                value.pop("elem", None)
            by_table.setdefault(table, []).append(json.dumps({kind: value}, sort_keys=True))
    # Not ttest10's for ttest1.
    name = re.compile(rf"{re.escape(bridge)}(?![0-9])")
    return sorted(text for texts in by_table.values() if any(name.search(text) for text in texts) for text in texts)


def shims(run_directory):
    """{pid: arguments} of the shims whose socket lies in `run_directory`."""
    # The listing may pass over a socket while others come and go, between two pieces of it: so it is read twice.
    inodes = sockets_below(run_directory) | sockets_below(run_directory)
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            words = Path("/proc", entry, "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
            if os.path.basename(words[0]) == "timber-shim" and inodes & set(descriptors(entry).values()):
                found[int(entry)] = words[1:-1]
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def sockets_below(directory):
    """Unix sockets with a path below `directory`, as the links of descriptors name them."""
    with open("/proc/net/unix") as file:
        return {f"socket:[{line.split()[6]}]" for line in file if f" {directory}/" in line}


def cgroups(parent):
    """Directories below the cgroup `parent`, in every hierarchy."""
    tops = [Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").iterdir()]
    return sorted(str(directory) for top in tops for directory in (top / parent).glob("*/"))


def descriptors(pid):
    """{number: target} of a process' open descriptors."""
    found = {}
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            found[int(name)] = os.readlink(f"/proc/{pid}/fd/{name}")
        except FileNotFoundError:
            continue
    return found


def files(directory):
    """Relative paths below `directory`, while it may be changing."""
    # os.walk passes over a directory that has gone meanwhile.
    return sorted(
        os.path.relpath(os.path.join(place, name), directory)
        for place, directories, names in os.walk(directory)
        for name in directories + names
    )


def status(pid):
    """{"VmRSS": "1234 kB", …} of /proc/PID/status."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def resident_kib(pid):
    return int(status(pid)["VmRSS"].split()[0])


def bytes_written(pid):
    """Bytes that a process has handed to write(2) and its kin."""
    for line in Path(f"/proc/{pid}/io").read_text().splitlines():
        if line.startswith("wchar:"):
            return int(line.split()[1])
    raise AssertionError(f"process {pid} counts no bytes")


def start_time(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19])


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False


def catches(pid, number):
    """Whether a process that runs handles a signal, or holds it back until it does."""
    try:
        masks = status(pid)
    except (FileNotFoundError, ProcessLookupError):
        return False
    return any(int(masks[name], 16) >> (number - 1) & 1 for name in ("SigCgt", "SigBlk"))
