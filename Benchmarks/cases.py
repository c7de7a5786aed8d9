"""What is measured. Each case takes turns between the two sides and returns rows for the report."""

import dataclasses
import itertools
import json
import shlex
import subprocess
import time

import clock
import memory
from daemons import Daemon, Docker, Timber
from report import Row
from sandbox import Sandbox

MB = 1_000_000
ONCE = 50
LISTED = 1000
RUNNING = 10


@dataclasses.dataclass
class Bench:
    sandbox: Sandbox
    timber: Timber
    docker: Docker
    fixtures: object
    rounds: int

    def __post_init__(self):
        self.ports = itertools.count(20000)

    @property
    def sides(self):
        return self.timber, self.docker

    def archive(self, name):
        return str(self.fixtures / f"{name}.tar")

    def ready(self):
        """Both daemons running, with busybox, one running container and everything once done."""
        for side in self.sides:
            if not side.process:
                side.start()
                side.output("load", "-i", self.archive("busybox"))
                side.output("run", "-d", "--name", "sleeper", "busybox", "sleep", "100000")

    def take_turns(self, timber_runs, docker_runs, command, shell=False, warmup=1):
        """Times `command(side)`, a few runs of one side, then of the other, round by round."""
        times = [], []
        for _ in range(self.rounds):
            for side, values, runs in zip(self.sides, times, (timber_runs, docker_runs)):
                values += clock.commands(self.sandbox, command(side), side.environment(), runs, warmup, shell)
        return times

    def versions(self):
        self.ready()
        return {
            **{side.name: json.loads(side.request("GET", "/version")[1])["Version"] for side in self.sides},
            "runc": subprocess.run(["runc", "--version"], capture_output=True, text=True, check=True).stdout.split()[2],
        }

    def close(self):
        for side in self.sides:
            side.stop()


def idle(bench):
    """Memory before the first request, and after hundreds of containers when the other cases have run."""
    bench.close()
    for side in bench.sides:
        side.start()
    row = Row("memory of the idle daemon, just started", *([memory.resident(side.pids())[0]] for side in bench.sides),
              "MB", limit=30 * MB)
    bench.close()
    return [row]


RUN = (
    "a seventh is tctl's own processor time; the rest is the kernel's work on namespaces, mounts and, with cgroup v1, eight hierarchies, "
    "each of which is made, joined, mounted and removed, and the way of four requests through two processors."
)


def run(bench):
    bench.ready()
    rows = []
    bundle = runc_bundle(bench)
    for what, options, limit in (
        ("`run --rm busybox true`, no network", ["--network", "none"], 0.012),
        ("`run --rm busybox true`, bridge, a published port", ["-p", "20000:80"], 0.020),
    ):
        times = bench.take_turns(40, 5, lambda side: [side.client, "run", "--rm", *options, "busybox", "true"])
        rows.append(Row(what, *times, "ms", limit=limit, ratio=20, reason=RUN))
    alone = clock.commands(bench.sandbox, ["runc", "--root", str(bench.sandbox.run / "runc"), "run", "--bundle", bundle, "timber-bench"],
                           None, 10 * bench.rounds, warmup=2)
    rows.insert(1, Row("the same, beside `runc run` of a ready bundle", rows[0].timber, alone, "ms"))
    return rows


def runc_bundle(bench):
    """What runc runs when nothing else has to be done: no image, no layers, no network, no seccomp, no log."""
    bundle = bench.sandbox.directory("bundle")
    (bundle / "rootfs").mkdir()
    container = bench.docker.output("create", "busybox")
    export = subprocess.Popen([bench.docker.client, "export", container], env=bench.docker.environment(), stdout=subprocess.PIPE)
    subprocess.run(["tar", "-x", "-C", bundle / "rootfs"], stdin=export.stdout, check=True)
    if export.wait():
        raise RuntimeError("docker export failed")
    bench.docker.output("rm", container)
    subprocess.run(["runc", "spec"], cwd=bundle, check=True)
    config = json.loads((bundle / "config.json").read_text())
    config["process"] |= {"terminal": False, "args": ["true"]}
    (bundle / "config.json").write_text(json.dumps(config))
    return str(bundle)


def at_once(bench):
    bench.ready()

    def command(side):
        client = shlex.quote(side.client)
        return (f"for i in $(seq {ONCE}); do {client} run --rm -p $((21000 + i)):80 busybox true & all=\"$all $!\"; done; "
                "for one in $all; do wait $one || exit 1; done")

    times = [], []
    for _ in range(min(bench.rounds, 2)):
        for side, values, runs in zip(bench.sides, times, (4, 1)):
            values += clock.commands(bench.sandbox, command(side), side.environment(), runs, warmup=0, shell=True)
    return [Row(f"{ONCE} such at once, each with a published port", *times, "s", ratio=10)]


def exec_true(bench):
    bench.ready()
    times = bench.take_turns(40, 8, lambda side: [side.client, "exec", "sleeper", "true"])
    return [Row("`exec` of true", *times, "ms", limit=0.009, ratio=7)]


def ps(bench):
    bench.ready()
    times = bench.take_turns(40, 10, lambda side: [side.client, "ps"])
    return [Row("`ps`, one container", *times, "ms", limit=0.004, ratio=4)]


def load(bench):
    """On daemons that have nothing, each time anew."""
    archive = bench.archive("python")
    subprocess.run(["cat", archive], stdout=subprocess.DEVNULL, check=True)
    times = [], []
    for _ in range(bench.rounds):
        for side, values in zip(bench.sides, times):
            side.start()
            values += clock.commands(bench.sandbox, [side.client, "load", "-i", archive], side.environment(), runs=1, warmup=0)
            side.stop()
    return [Row("`load` of the python image, 94 MB", *times, "s", ratio=2)]


def tutorial(bench):
    bench.ready()
    times = [], []
    for side in bench.sides:
        side.output("load", "-i", bench.archive("timber_tutorial"))
    for _ in range(2 * bench.rounds + 1):
        for side, values in zip(bench.sides, times):
            port = next(bench.ports)
            command = [side.client, "run", "-d", "-p", f"{port}:8080", "timber_tutorial:1"]
            seconds, container = clock.first_answer(command, side.environment(), port, "/index")
            values.append(seconds)
            side.output("rm", "-f", container)
    # The first of each is the warm-up.
    return [Row("tutorial: `run -d -p` to the first answer", *(values[1:] for values in times), "ms", limit=0.385)]


def running(bench):
    """Memory of what stands beside each running container."""
    bench.ready()
    rss, pss = ([], []), ([], [])
    for number, side in enumerate(bench.sides):
        containers = []
        for _ in range(RUNNING):
            port = next(bench.ports)
            containers.append((side.output("run", "-d", "-p", f"{port}:80", "busybox", "sleep", "100000"), port))
        for container, port in containers:
            resident, proportional = memory.resident(side.container_pids(container, port))
            rss[number].append(resident)
            pss[number].append(proportional)
        side.output("rm", "-f", *(container for container, _ in containers))
    return [
        Row("memory beside a running container with a port", *rss, "MB", limit=MB),
        Row("the same, proportional (what one more costs)", *pss, "MB", limit=MB),
    ]


def used(bench):
    bench.ready()
    # Docker has run dozens by now, and more would take minutes.
    for _ in range(200):
        bench.timber.output("run", "--rm", "--network", "none", "busybox", "true")
    # Idle is who has had nothing to do for a while.
    time.sleep(15)
    sides = ([memory.resident(side.pids())[0]] for side in bench.sides)
    return [Row("memory of the idle daemon, after all of the above", *sides, "MB", limit=30 * MB)]


def listing(bench):
    """Last: a thousand containers stay until the daemons go."""
    bench.ready()
    side: Daemon
    for side in bench.sides:
        for number in range(LISTED):
            status, body = side.request("POST", f"/v1.41/containers/create?name=listed{number}", {"Image": "busybox", "Cmd": ["true"]})
            if status != 201:
                raise RuntimeError(f"{side.name} create: {status} {body[:200]}")
    times = [], []
    for _ in range(bench.rounds):
        for side, values in zip(bench.sides, times):
            values += clock.requests(side.socket, "/v1.41/containers/json?all=1", 10)
    return [Row(f"`GET /containers/json` of {LISTED} containers", *times, "ms", limit=0.005)]


CASES = {
    "idle": idle, "load": load, "run": run, "at-once": at_once, "exec": exec_true, "ps": ps, "tutorial": tutorial, "running": running,
    "used": used, "listing": listing,
}
