"""Images go from Timber to Docker and back: what one daemon saves, the other one loads and runs."""

import json
import re
import subprocess

import pytest
from harness.daemon import Daemon, Slot

SHOWN = (
    "{{.ID}} {{.Os}}/{{.Architecture}} {{.Author}} {{.Comment}} {{.Created}} {{json .RootFS.Layers}} {{json .Config.Cmd}} {{json .Config.Env}} "
    '{{len .Config.Labels}}{{index .Config.Labels "tree"}}'
)


@pytest.fixture(scope="module")
def both(peer, fixtures):
    """Timber and Docker, each with busybox."""
    daemon = Daemon(Slot())
    try:
        daemon.start()
        daemon.load(fixtures / "busybox.tar").ok()
        yield {"timber": daemon, "docker": peer}
    finally:
        daemon.discard()


@pytest.fixture
def images(both):
    """Images that a test makes go with it, on both sides."""
    known = {name: set(daemon.images().values()) for name, daemon in both.items()}
    yield
    for name, daemon in both.items():
        daemon.remove_containers()
        daemon.remove_images(keep=known[name])


def make(daemon):
    """An image with what layers can have: a removed file, a replaced directory, links, modes, owners, a long name, a large file."""
    script = (
        "rm /etc/group; mkdir /d; echo one >/d/one; ln -s one /d/soft; ln /d/one /d/hard; chmod 4750 /d/one; chown 7:8 /d/one; mkfifo /d/pipe;"
        "touch /d/$(seq -s- 1 60); head -c 3000000 /dev/urandom >/d/large; rm -r /var/spool 2>/dev/null; mkdir -p /var/spool/new"
    )
    daemon.docker("run", "--name", "first", "-e", "A=1", "busybox", "sh", "-c", script).ok()
    daemon.docker("commit", "-a", "somebody", "-m", "layer of links", "first", "step:1").ok()
    daemon.docker("run", "--name", "second", "step:1", "sh", "-c", "rm -r /d/large /d/soft; echo two >/d/two").ok()
    daemon.docker("commit", "-c", 'CMD ["cat", "/d/two"]', "-c", "LABEL tree=oak", "-c", "EXPOSE 80", "second", "made:1").ok()
    daemon.docker("tag", "made:1", "registry.invalid/other/made:2").ok()
    daemon.docker("rm", "first", "second").ok()


def listing(daemon, image):
    """Every name with its type, mode, owner and times; of files what is in them and how many names they have."""
    script = (
        "find / -xdev ! -type d -exec stat -c '%n %F %a %u:%g %h %Y' {} +; find / -xdev -type d -exec stat -c '%n %a %u:%g' {} +;"
        # Not the hundreds of names of busybox.
        "find / -xdev -type f -links -3 -exec sha256sum {} +"
    )
    lines = daemon.docker("run", "--rm", "--network", "none", image, "sh", "-c", script).ok().lines
    # What the daemons make in a container themselves.
    own = r"(^|  )(/|/(dev|proc|sys)(/.*)?|/etc|/etc/(hosts|hostname|resolv.conf|mtab)|/\.dockerenv|/var/cache/.*)( |$)"
    return sorted(line for line in lines if not re.search(own, line))


@pytest.mark.usefixtures("images")
@pytest.mark.parametrize(("giver", "taker"), [("timber", "docker"), ("docker", "timber")])
def test_saved_and_loaded(both, giver, taker, tmp_path):
    """Through a pipe, as people do it, with two names; and back through a file."""
    giver, taker = both[giver], both[taker]
    make(giver)
    names = ["made:1", "registry.invalid/other/made:2", "step:1"]
    with subprocess.Popen(["docker", "save", *names], env=giver.environment, stdout=subprocess.PIPE) as saving:
        loaded = taker.docker("load", input=saving.stdout).ok()
    assert saving.returncode == 0
    assert sorted(loaded.lines) == sorted(f"Loaded image: {name}" for name in names)
    for name in names:
        assert taker.docker("inspect", "-f", SHOWN, name).ok().out == giver.docker("inspect", "-f", SHOWN, name).ok().out
        assert listing(taker, name) == listing(giver, name)
    history = ("history", "--no-trunc", "--format", "{{.CreatedAt}} {{.CreatedBy}} {{.Comment}}", "made:1")
    assert taker.docker(*history).ok().lines == giver.docker(*history).ok().lines
    assert taker.docker("run", "--rm", "--network", "none", "made:1").ok().out == "two"
    # What comes back is what went.
    taker.docker("save", "-o", tmp_path / "back.tar", "made:1").ok()
    before = giver.docker("inspect", "made:1").ok().out
    giver.docker("rmi", "-f", *names).ok()
    assert giver.docker("load", "-i", tmp_path / "back.tar").ok().out.endswith("Loaded image: made:1")
    after = giver.docker("inspect", "made:1").ok().out
    assert json.loads(after)[0]["Id"] == json.loads(before)[0]["Id"]
    assert giver.docker("run", "--rm", "--network", "none", "made:1").ok().out == "two"


@pytest.mark.usefixtures("images")
@pytest.mark.parametrize(("giver", "taker"), [("timber", "docker"), ("docker", "timber")])
def test_exported_and_imported(both, giver, taker):
    giver, taker = both[giver], both[taker]
    make(giver)
    giver.docker("create", "--name", "oak", "step:1").ok()
    with subprocess.Popen(["docker", "export", "oak"], env=giver.environment, stdout=subprocess.PIPE) as exporting:
        taker.docker("import", "-", "flat:1", input=exporting.stdout).ok()
    assert exporting.returncode == 0
    assert listing(taker, "flat:1") == listing(giver, "step:1")
