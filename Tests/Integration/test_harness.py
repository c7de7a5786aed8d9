"""The tests' own eyes: what they would not see, they could not miss."""

import subprocess

from harness.daemon import Slot, difference
from harness.wait import until


def test_traces_show_a_container(timber):
    before = timber.traces()
    name = timber.sleeper("-p", f"{timber.slot.port(45)}:80")
    came = {kind: change["came"] for kind, change in difference(before, timber.traces()).items()}
    for kind in ("containers", "interfaces", "firewall", "cgroups", "shims", "container files", "run files", "children"):
        assert came.get(kind), f"{kind} of a running container are not seen: {came}"
    timber.tctl("rm", "-f", name).ok()
    until(lambda: not difference(before, timber.traces()))


def test_a_slot_whose_bridge_is_there_is_not_taken():
    """Of a run that was killed."""
    first = Slot()
    subprocess.run(["ip", "link", "add", first.bridge, "type", "bridge"], check=True)
    first.release()
    try:
        second = Slot()
        assert second.bridge != first.bridge
        second.release()
    finally:
        subprocess.run(["ip", "link", "del", first.bridge], check=True)


def test_traces_show_a_network(timber):
    before = timber.traces()
    timber.tctl("network", "create", "oak").ok()
    assert len(difference(before, timber.traces())["networks"]["came"]) == 1
    timber.tctl("network", "rm", "oak").ok()
    assert not difference(before, timber.traces())
