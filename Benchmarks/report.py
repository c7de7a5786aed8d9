"""The table in docs/benchmarks.md."""

import dataclasses
import os
import pathlib
import re
import statistics

UNITS = {"ms": (1e3, "ms"), "s": (1, "s"), "MB": (1e-6, "MB")}


@dataclasses.dataclass
class Row:
    """One line: samples of both sides in seconds or bytes, and what Timber's median may be at the most."""

    what: str
    timber: list
    peer: list
    unit: str
    limit: float | None = None
    # Timber may take 1/ratio of the peer.
    ratio: int | None = None
    # What the time or the memory goes to, for a budget that is missed.
    reason: str = ""

    def __post_init__(self):
        self.medians = statistics.median(self.timber), statistics.median(self.peer)

    def shown(self, value):
        scale, unit = UNITS[self.unit]
        value *= scale
        return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2}f} {unit}"

    @property
    def budget(self):
        scale, unit = UNITS[self.unit]
        parts = [f"≤ {self.limit * scale:g} {unit}" if self.limit else "", f"≤ 1/{self.ratio}" if self.ratio else ""]
        return ", ".join(filter(None, parts)) or "–"

    @property
    def verdict(self):
        timber, peer = self.medians
        missed = []
        if self.limit and timber > self.limit:
            missed.append(f"{self.shown(timber - self.limit)} over ({100 * (timber / self.limit - 1):.0f} %)")
        if self.ratio and timber * self.ratio > peer:
            missed.append(f"{100 * (timber * self.ratio / peer - 1):.0f} % over 1/{self.ratio}")
        if missed:
            return "**missed**: " + ", ".join(missed)
        return "met" if self.limit or self.ratio else "–"

    def cells(self):
        timber, peer = self.medians
        times = peer / timber
        ratio = f"1/{times:.0f}" if times >= 10 else f"1/{times:.1f}" if times >= 1 else f"{1 / times:.1f}"
        return self.what, self.shown(timber), self.shown(peer), ratio, self.budget, self.verdict

    def spread(self):
        cells = [self.what]
        for values in (self.timber, self.peer):
            low, _, high = statistics.quantiles(values, n=4) if len(values) > 1 else values * 3
            cells += [str(len(values)), f"{self.shown(low)} – {self.shown(high)}"]
        return cells


def table(titles, rows):
    lines = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def machine():
    cpu = re.search(r"^model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    memory = int(re.search(r"^MemTotal: +(\d+)", pathlib.Path("/proc/meminfo").read_text(), re.M)[1])
    system = re.search(r'^PRETTY_NAME="(.*)"', pathlib.Path("/etc/os-release").read_text(), re.M)[1]
    hierarchies = pathlib.Path("/proc/self/mounts").read_text()
    cgroups = "cgroup v1 and v2 (hybrid)" if re.search(r" cgroup ", hierarchies) else "cgroup v2"
    filesystem = next(line.split()[2] for line in reversed(hierarchies.splitlines()) if line.split()[1] == "/")
    return ", ".join([
        f"{os.cpu_count()} cores of {cpu[1] if cpu else os.uname().machine}", f"{memory / 2**20:.0f} GiB", system,
        f"Linux {os.uname().release.split('-')[0]}", cgroups, filesystem])


def reasons(rows):
    found = {}
    for row in rows:
        if "missed" in row.verdict:
            found.setdefault(row.reason or "Not looked into yet.", []).append(row.what)
    if not found:
        return ""
    lines = [f"- {', '.join(names)}: {reason}" for reason, names in found.items()]
    return "\n## Why a budget is missed\n\n" + "\n".join(lines) + "\n"


def render(rows, versions, seconds):
    titles = ["what", "Timber", "peer", "Timber/peer", "budget", "verdict"]
    return f"""# Benchmarks

Written by `make bench`, which measures both sides in one run on one machine: {machine()}.
Timber {versions["timber"]} (release build) beside Debian's Docker {versions["docker"]} with runc {versions["runc"]}; the peer is Docker
where nothing else is said. Medians.

{table(titles, (row.cells() for row in rows))}
{reasons(rows)}
## How

- Whole commands, from the start of the client to its end, timed by hyperfine, without a shell but for those at once; the sides take turns, a few runs each, with a warm-up in each turn.
- Both daemons in a network and a mount namespace of their own, with their defaults (seccomp, capabilities, logs; Docker with its userland proxy).
- `load`: a daemon with empty directories each time, the archive in the page cache.
- `GET /containers/json`: curl's own time of the request.
- First answer: from the start of `run -d` until the first HTTP 200 on the published port, polled each millisecond.
- Memory: resident set size, of an idle daemon fifteen seconds after its last request; of Docker's daemon with its containerd, of Docker's container its containerd-shim and its two docker-proxy.
- This run took {seconds / 60:.0f} minutes.

## Samples

{table(["what", "Timber", "middle half", "peer", "middle half"], (row.spread() for row in rows))}
"""
