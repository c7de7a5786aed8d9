"""make bench: Timber beside Docker and runc, in one run, written to docs/benchmarks.md.

Everything happens in a network and a mount namespace of its own: bridges, firewall rules and mounts of both sides end with it.
"""

import argparse
import os
import pathlib
import sys
import time

import cases
import report
from daemons import Docker, Timber
from sandbox import Sandbox

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent


def arguments():
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=pathlib.Path, default=REPOSITORY / ".build/release", help="timberd, tctl and timber-shim")
    parser.add_argument("--peer", type=pathlib.Path, default=REPOSITORY / ".build/tools/peer/usr", help="Debian's docker.io, unpacked")
    parser.add_argument("--fixtures", type=pathlib.Path, default=REPOSITORY / "rootfs-fixtures/out", help="the images")
    parser.add_argument("--output", type=pathlib.Path, default=REPOSITORY / "docs/benchmarks.md")
    parser.add_argument("--only", action="append", choices=list(cases.CASES), help="some cases; repeatable")
    parser.add_argument("--quick", action="store_true", help="a fifth of the samples, to try a change")
    return parser.parse_args()


def own_namespaces():
    """Goes on in new namespaces; cgroups and processes stay visible, as both daemons need them."""
    if os.environ.get("TIMBER_BENCH_INSIDE") == str(os.getpid()):
        return
    # unshare(1) executes in place: the pid stays.
    os.environ["TIMBER_BENCH_INSIDE"] = str(os.getpid())
    os.execvp("unshare", ["unshare", "--net", "--mount", "--propagation", "private", sys.executable, *sys.orig_argv[1:]])


def main():
    options = arguments()
    if os.geteuid() != 0:
        sys.exit("bench: both daemons need root: sudo make bench")
    own_namespaces()
    started = time.monotonic()
    names = options.only or list(cases.CASES)
    rows = []
    with Sandbox() as sandbox:
        bench = cases.Bench(
            sandbox=sandbox, timber=Timber(sandbox, options.bin.resolve()), docker=Docker(sandbox, options.peer.resolve()),
            fixtures=options.fixtures.resolve(), rounds=1 if options.quick else 5)
        try:
            for name in names:
                print(f"==> {name} … ", end="", file=sys.stderr, flush=True)
                before = time.monotonic()
                rows += cases.CASES[name](bench)
                print(f"{time.monotonic() - before:.0f} s", file=sys.stderr)
            versions = bench.versions()
        finally:
            bench.close()
    text = report.render(rows, versions, seconds=time.monotonic() - started)
    print(text)
    if not options.only and not options.quick:
        options.output.write_text(text)


if __name__ == "__main__":
    main()
