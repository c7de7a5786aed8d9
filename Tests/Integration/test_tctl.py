"""tctl by itself: help, completion, output that is not to a terminal."""

import subprocess

import pytest

from harness.daemon import BIN
from harness.process import run

COMMANDS = [
    "create", "start", "run", "stop", "kill", "restart", "pause", "unpause", "wait", "rm", "ps", "logs", "exec", "attach", "inspect", "top",
    "port", "rename", "update", "stats", "load", "images", "tag", "rmi", "history", "version", "info",
    "events", "network", "system",
]  # fmt: skip


def tctl(*words, **options):
    return run([BIN / "tctl", *words], **options)


def test_help():
    out = tctl("--help").ok().out
    for command in COMMANDS:
        assert f" {command} " in out or f"\n{command} " in out, command


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command(command):
    out = tctl(command, "--help").ok().out
    assert "usage" in out.lower()
    assert f"tctl {command}" in out


def test_help_of_run_has_examples():
    out = tctl("run", "--help").ok().out
    assert "example" in out.lower() and "-p 8080:8080" in out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell, tmp_path):
    script = tctl("--generate-completion-script", shell).ok().out
    assert "--publish" in script or "publish" in script
    if shell == "bash":
        file = tmp_path / "completion"
        file.write_text(script)
        run(["bash", "-n", file]).ok()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["tctl", "netw"], ["network"]), (["tctl", "network", ""], ["connect", "create", "disconnect", "inspect", "ls", "prune", "rm"]), (["tctl", "run", "--entr"], ["--entrypoint"]),
        (["tctl", "run", "--pull", ""], ["always", "missing", "never"]), (["tctl", "stop", ""], ["oak"]), (["tctl", "rm", "a"], ["ash"]),
        (["tctl", "history", "busy"], ["busybox:latest"]), (["tctl", "system", "d"], ["df"]),
    ],
    ids=lambda value: " ".join(value),
)  # fmt: skip
def test_completion_offers(timber, tmp_path, words, offered):
    """What bash offers behind these words: commands, flags, and names that the daemon is asked for."""
    timber.sleeper("--name", "oak")
    timber.tctl("create", "--name", "ash", "busybox").ok()
    (tmp_path / "completion").write_text(tctl("--generate-completion-script", "bash").ok().out)
    script = r"""
        source "$1"; shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
        _tctl tctl "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}"
    """
    environment = timber.environment | {"PATH": f"{BIN}:{timber.environment['PATH']}"}
    answer = run(["bash", "-c", script, "bash", tmp_path / "completion", *words], env=environment).ok().lines
    assert set(offered) <= {line.strip() for line in answer}
    assert not {line.strip() for line in answer} - set(offered) - {"-h", "--help"}


def test_version_without_a_daemon(tmp_path):
    result = tctl("version", env={"TIMBER_HOST": f"unix://{tmp_path}/none.sock"})
    assert "Client" in result.out and result.status == 1


def test_host_flag_then_variables(timber, tmp_path):
    """--host, then TIMBER_HOST, then DOCKER_HOST."""
    here, nowhere = f"unix://{timber.socket}", f"unix://{tmp_path}/none.sock"
    assert tctl("--host", here, "ps", env={"TIMBER_HOST": nowhere}).status == 0
    assert tctl("-H", here, "ps", env={"TIMBER_HOST": nowhere}).status == 0
    assert tctl("ps", env={"TIMBER_HOST": here, "DOCKER_HOST": nowhere}).status == 0
    assert tctl("ps", env={"DOCKER_HOST": here}).status == 0
    tctl("ps", env={"TIMBER_HOST": "nonsense"}).fails(1, "nonsense")


def test_closed_output_is_no_crash(timber):
    command = f"{BIN}/tctl images --help | head -c 1 >/dev/null; echo ${{PIPESTATUS[0]}}"
    assert subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=timber.environment).stdout.strip() in ("0", "141")
    writer = subprocess.run([BIN / "tctl", "ps"], stdout=open("/dev/full", "w"), stderr=subprocess.PIPE, env=timber.environment)
    assert writer.returncode not in (-6, -11, 132, 134, 139), writer


def test_is_static():
    """It starts in milliseconds because nothing has to be found and bound first."""
    assert "INTERP" not in subprocess.run(["readelf", "-lW", BIN / "tctl"], capture_output=True, text=True, check=True).stdout
    assert "INTERP" not in subprocess.run(["readelf", "-lW", BIN / "timber-shim"], capture_output=True, text=True, check=True).stdout


def test_formats(timber):
    timber.tctl("create", "--name", "oak", "--label", "a=b", "busybox", "echo", "x").ok()
    assert timber.tctl("ps", "-a", "--format", "table {{.Names}}\t{{.Image}}").ok().lines[0].split() == ["NAMES", "IMAGE"]
    assert timber.tctl("ps", "-a", "--format", "{{json .}}").ok().out.startswith("{")
    assert timber.tctl("ps", "-a", "--format", "{{upper .Names}} {{len .ID}}").ok().out == "OAK 12"
    assert timber.tctl("ps", "-a", "--format", '{{if eq .Names "oak"}}yes{{else}}no{{end}}').ok().out == "yes"
    assert timber.tctl("inspect", "-f", "{{.State.Status}} {{.Config.Cmd}}", "oak").ok().out == "created [echo x]"
    assert timber.tctl("inspect", "-f", '{{index .Config.Labels "a"}}', "oak").ok().out == "b"
    assert timber.tctl("inspect", "-f", "{{range $k, $v := .Config.Labels}}{{$k}}:{{$v}}{{end}}", "oak").ok().out == "a:b"
    assert timber.tctl("inspect", "-f", "{{json .Config.Cmd}}", "oak").ok().out == '["echo","x"]'
    timber.tctl("ps", "--format", "{{").fails(1, "}}")
