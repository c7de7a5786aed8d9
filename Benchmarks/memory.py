"""Resident memory of processes."""

import pathlib
import re


def find(matches):
    """The pids whose command line, as a list of words, matches."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if words[0] and matches(words):
            found.append(int(entry.name))
    return found


def resident(pids):
    """Resident and proportional set size of all of them, in bytes."""
    rss = pss = 0
    for pid in pids:
        text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        rss += 1024 * int(re.search(r"^Rss: +(\d+)", text, re.M)[1])
        pss += 1024 * int(re.search(r"^Pss: +(\d+)", text, re.M)[1])
    return rss, pss
