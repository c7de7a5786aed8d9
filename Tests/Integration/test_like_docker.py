"""tctl and the docker command line, side by side on one daemon: the same words give the same output and the same exit status.

The tests in tctl/ compare the two by what a made-up daemon answers; here the daemon is real. Words of error messages are each
program's own.
"""

import shlex
import time

import pytest

LISTS = r"""
ps
ps -a
ps -aq --no-trunc
ps -n 2
ps -l
ps -as --format '{{.Names}} {{.Size}}'
ps -a --filter status=exited --format '{{.Names}} {{.Status}}'
ps -a --filter status=exited --filter name=done -q
ps --filter label=a=b --format '{{.Names}} {{.Label "a"}}'
ps --filter volume=likevolume --format '{{.Names}} {{.Mounts}} {{.LocalVolumes}}'
ps --filter publish=80 --format '{{.Names}} {{.Ports}}'
ps --filter expose=80 --format '{{.Names}}'
ps --filter ancestor=busybox --format '{{.Names}}'
ps --filter network=bridge --format '{{.Names}} {{.Networks}}'
ps -a --filter exited=3 --format '{{.Names}}'
ps -a --filter before=made --format '{{.Names}}'
ps -a --filter since=web --format '{{.Names}}'
ps -a --filter health=none --filter is-task=false --format '{{.Names}}'
ps --filter nosuch=x
ps --filter status=nosuch
ps --filter x
ps --format 'table {{.Names}}\t{{.Image}}\t{{.Command}}\t{{.State}}'
ps --format '{{truncate .ID 4}}|{{pad .Names 2 2}}|{{lower .Image}}|{{join (split .Names "e") "-"}}'
ps --format '{{range $i, $e := split .Ports ", "}}{{$i}}={{$e}};{{end}}'
ps --format '{{printf "%-10s|%5d|%v|%q" .Names 3 .State .Image}}'
ps --format '{{if and .Names (eq .State "running")}}y{{else}}n{{end}}{{with .Names}}{{.}}{{end}}{{/* c */}}'
ps --format '{{ .Names | upper | printf "%s!" }}{{- .Names -}}  x {{$x := .Names}}{{$x}}'
ps --format '{{.Nosuch}}'
ps --format '{{'
ps extra
container ls
images
images -q
images --no-trunc
images --digests
images 'busy*'
images nosuch
images --filter dangling=true
images --filter before=busybox
images --filter nosuch=x
images --format '{{.Repository}} {{.Tag}} {{.ID}} {{.CreatedAt}} {{.Size}} {{.Digest}} {{.VirtualSize}} {{.Containers}}'
history busybox
history --no-trunc busybox
history nosuch
network ls
network ls --format json
network inspect bridge host none
network inspect nosuch
volume ls
volume ls -q
volume ls --filter name=like --filter driver=local
volume ls --filter dangling=false -q
volume ls --filter nosuch=x
volume ls --format json
volume ls --format '{{.Name}} {{.Driver}} {{.Scope}} {{.Mountpoint}} {{.Labels}} {{.Links}} {{.Size}} {{.Group}} {{.Availability}} {{.Status}}'
volume inspect likevolume
volume inspect nosuch
volume inspect -f '{{.Name}} {{.Driver}}' likevolume
volume rm nosuch
volume rm -f nosuch
volume rm likevolume
volume create 'bad name'
volume create --driver nosuch x
inspect --type volume likevolume
system df
system df -v
system df --format json
""".strip().split("\n")

DETAILS = r"""
inspect web made
inspect web --format '{{.Name}} {{.State.Running}} {{.HostConfig.Memory}} {{.NetworkSettings.IPAddress}} {{.Config.Labels}}'
inspect web --format '{{range .Mounts}}{{.Name}}:{{.Destination}}{{end}} {{json .State.Status}} {{index .Config.Labels "a"}}'
inspect web --format '{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}'
inspect made --format '{{.Config.Entrypoint}} {{.Config.ExposedPorts}} {{.HostConfig.Binds}} {{.HostConfig.CapAdd}} {{.HostConfig.Tmpfs}} {{.Config.User}}|'
inspect made --format '{{json .HostConfig.Binds}} {{len .HostConfig.Binds}} {{if .Config.ExposedPorts}}y{{else}}n{{end}} {{.State.Health}}'
inspect busybox --format '{{.Config.Entrypoint}} {{.Config.Volumes}} {{.Config.ExposedPorts}} {{.Config.Labels}}|{{.Config.User}}|'
volume inspect -f '{{.Options}} {{.Labels}}' likevolume
inspect -s web --format '{{.SizeRw}} {{.SizeRootFs}}'
inspect busybox bridge --format '{{.Id}}'
inspect web nosuch --format '{{.Name}}'
inspect --type image web
inspect --type nosuch web
container inspect busybox
image inspect busybox
port web
port web 80
port web 53/udp
port web 81
port made
logs web
logs -n 1 web
logs --tail 0 web
logs --since 1h web
logs --since 0 web
logs --until 1h web
logs --since 2020-01-01T00:00:00Z --until 2021-01-01 web
logs --since bogus web
logs made
logs nosuch
top web
top made
exec term echo hi
exec term sh -c 'echo out; echo err >&2; exit 5'
exec term nosuch
exec term /etc/passwd
exec -w /tmp -e A=1 term sh -c 'pwd; echo $A'
exec -u 1000:5 term id
exec -t term tty
exec -d term true
exec made true
exec nosuch true
exec term
wait done
wait done nosuch
attach made
start nosuch
start -a again
stop made
stop nosuch
kill made
kill -s NOSUCH term
pause made
unpause term
rename term made
rename nosuch x
rename term ''
rm term
rm -f nosuch
rm
rmi busybox
rmi nosuch
tag nosuch x:1
save nosuch
load -i /nonexistent
create --name web busybox
create nosuch:1
create --pull never nosuch:1
run --rm busybox sh -c 'echo out; echo err >&2; exit 9'
run --rm busybox sh -c 'kill -9 $$'
run --rm busybox nosuch
run --rm busybox /etc
run --rm -t busybox tty
run --rm -e A=1 -w /tmp -u 5 busybox sh -c 'echo $A $PWD; id -u'
run --rm -m 64m --cpus 0.5 --pids-limit 50 --hostname oak busybox hostname
run --rm --log-opt max-size=1m --dns-search example.org --domainname example.net busybox grep search /etc/resolv.conf
run --rm --network nosuch busybox true
run --rm --network none busybox ls /sys/class/net
run --rm --name web busybox true
run --rm --memory 1k busybox true
run --rm --cap-add NOSUCH busybox true
run --nosuch busybox
run
nosuch
ps --nosuch
info --format '{{.Containers}} {{.ServerVersion}} {{.Driver}} {{.NCPU}} {{.OperatingSystem}} {{.Plugins.Network}}'
""".strip().split("\n")


@pytest.fixture
def both(timber):
    """A function that runs words with both programs and notes where they differ, and containers to ask about."""
    slot = timber.slot
    timber.tctl(
        "run", "-d", "--name", "web", "-p", f"{slot.port(40)}:80", "-p", f"{slot.port(41)}:53/udp", "--label", "a=b", "-v", "likevolume:/v",
        "busybox", "sh", "-c", "echo one; echo two >&2; echo three; exec sleep 1000000",
    ).ok()  # fmt: skip
    timber.wait_for_log("web", "three")
    timber.tctl("run", "--name", "done", "busybox", "sh", "-c", "exit 3")
    timber.tctl("create", "--name", "made", "busybox", "true").ok()
    timber.tctl("create", "--name", "again", "busybox", "sh", "-c", "echo again; exit 4").ok()
    timber.tctl("run", "-dit", "--name", "term", "busybox", "sh").ok()
    different = []

    def compare(line):
        words = shlex.split(line)
        theirs, ours = timber.docker(*words), timber.tctl(*words)
        if words[0] in ("ps", "container", "system"):
            # Ages are printed in seconds, and one may pass between the two.
            for _ in range(20):
                if ours.stdout == theirs.stdout:
                    break
                theirs, ours = timber.docker(*words), timber.tctl(*words)
        for name, their, our in (
            ("status", theirs.status, ours.status), ("stdout", theirs.stdout, ours.stdout), ("says why", bool(theirs.stderr), bool(ours.stderr)),
        ):  # fmt: skip
            if their != our:
                different.append(f"{line}: {name}: docker {their!r}, tctl {our!r}; docker says {theirs.err[:200]!r}, tctl {ours.err[:200]!r}")

    yield compare
    assert not different, "\n".join(different)


def test_lists(both):
    for line in LISTS:
        both(line)


def test_details_and_statuses(both):
    for line in DETAILS:
        both(line)


def test_events(timber):
    # No more than its own: what other tests have run has lines in it, which tctl shows as one.
    begun = f"{time.time():.6f}"
    timber.run("--name", "evented", "busybox", "true").ok()
    ended = f"{time.time():.6f}"
    for words in (
        ("events",), ("events", "--filter", "container=evented", "--filter", "event=die"), ("events", "--format", "{{.Type}} {{.Action}} {{.Actor.ID}}"),
        ("events", "--format", "json"), ("system", "events"),
    ):  # fmt: skip
        words += ("--since", begun, "--until", ended)
        theirs, ours = timber.docker(*words).ok(), timber.tctl(*words).ok()
        assert theirs.out and ours.out == theirs.out, words


def test_changes(timber):
    """Verbs that change something: each program with a container of its own."""
    results = []
    for name, run in (("oak-d", timber.docker), ("oak-t", timber.tctl)):
        outputs = []
        for line in (
            "create --name NAME busybox sh -c 'trap \"exit 0\" TERM; while :; do sleep 0.1; done'", "start NAME", "start NAME", "pause NAME",
            "pause NAME", "exec NAME true", "unpause NAME", "unpause NAME", "restart -t 5 NAME", "rename NAME NAME-2", "rename NAME-2 NAME",
            "stop NAME", "stop NAME", "start NAME", "kill -s KILL NAME", "wait NAME", "rm NAME", "rm NAME", "tag busybox NAME:1", "rmi NAME:1",
            "rmi NAME:1", "volume create NAME-v", "volume create NAME-v", "create -q --name NAME -v NAME-v:/v busybox true", "volume rm NAME-v", "container prune -f", "volume rm NAME-v", "image prune -f",
        ):  # fmt: skip
            result = run(*shlex.split(line.replace("NAME", name)))
            # Ids differ, and lengths of lists.
            shown = [word for word in result.out.replace(name, "NAME").split() if len(word) != 64]
            outputs.append((line, result.status, shown, bool(result.err)))
        results.append(outputs)
    for theirs, ours in zip(*results, strict=True):
        assert ours == theirs
