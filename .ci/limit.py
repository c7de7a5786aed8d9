#!/usr/bin/python3
"""limit.py SECONDS COMMAND...: runs a command, and ends it with everything below it when it takes longer.

Says beforehand where each process was, so that what hung on a machine that nobody can look at is known from the output alone.
Exits as the command does, or with 124.
"""

import os
import signal
import subprocess
import sys
import time


def text(path):
    try:
        with open(path, errors="replace") as file:
            return file.read()
    except OSError:
        return ""  # It has ended meanwhile.


def below(pid):
    """Every process below this one, parents first."""
    parents = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        fields = text(f"/proc/{entry}/stat").rpartition(")")[2].split()
        if fields:
            parents.setdefault(int(fields[1]), []).append(int(entry))
    found = [pid]
    for each in found:
        found += parents.get(each, [])
    return found


def describe(pid):
    command = text(f"/proc/{pid}/cmdline").replace("\0", " ").strip() or text(f"/proc/{pid}/comm").strip()
    status = dict(line.split(":\t", 1) for line in text(f"/proc/{pid}/status").splitlines() if ":\t" in line)
    print(f"  {pid} (parent {status.get('PPid')}, {status.get('State')}): {command[:300]}", file=sys.stderr)
    tasks = f"/proc/{pid}/task"
    places = {}
    for task in os.listdir(tasks) if os.path.isdir(tasks) else []:
        where = text(f"{tasks}/{task}/wchan").strip() + " " + text(f"{tasks}/{task}/syscall").split(" ")[0].strip()
        places[where] = places.get(where, 0) + 1
    for where, count in sorted(places.items()):
        print(f"    {count} in {where}", file=sys.stderr)


def main():
    seconds, command = int(sys.argv[1]), sys.argv[2:]
    process = subprocess.Popen(command)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: process.send_signal(number))
    # The terminal sends it to the command, too.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        status = process.wait(seconds)
        return 128 - status if status < 0 else status
    except subprocess.TimeoutExpired:
        family = below(process.pid)
        print(f"{command[0]} still runs after {seconds} s, and is ended:", file=sys.stderr)
        for pid in family:
            describe(pid)
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in reversed(family):
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass
            deadline = time.monotonic() + 30
            while process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.1)
        return 124


if __name__ == "__main__":
    sys.exit(main())
