"""The tests' own eyes: what they would not see, they could not miss."""

from harness.daemon import difference
from harness.wait import until


def test_traces_show_a_container(timber):
    before = timber.traces()
    name = timber.sleeper("-p", f"{timber.slot.port(45)}:80")
    came = {kind: change["came"] for kind, change in difference(before, timber.traces()).items()}
    for kind in ("containers", "interfaces", "firewall", "cgroups", "shims", "container files", "run files", "children"):
        assert came.get(kind), f"{kind} of a running container are not seen: {came}"
    timber.tctl("rm", "-f", name).ok()
    until(lambda: not difference(before, timber.traces()))
