#!/usr/bin/python3
"""man.py [--check] BIN: writes docs/man/tctl.1 from what tctl says of its own commands and flags, so that the page cannot be wrong
about them. --check: writes nothing, and fails when the page, or an option in timberd.8, is out of date."""

import json
import pathlib
import re
import subprocess
import sys

root = pathlib.Path(__file__).resolve().parent.parent
page = root / "docs/man/tctl.1"

head = r""".TH TCTL 1 "" Timber "User commands"
.SH NAME
tctl \- run containers with Timber
.SH SYNOPSIS
.B tctl
.RB [ \-\-host
.IR url ]
.I command
.RI [ option " ...]"
.RI [ argument " ...]"
.SH DESCRIPTION
.B tctl
loads images and runs containers.
It asks
.BR timberd (8)
over a Unix socket and does nothing by itself; who may use the socket can do what root can.
.PP
Commands, flags and output are those of
.BR docker :
scripts that use them work with either.
Flags stand before the arguments; behind the first argument of
.BR run ,
.B create
and
.B exec
they belong to the command in the container.
.SH GLOBAL OPTIONS
.TP
.BR \-H ", " \-\-host " \fIurl\fR"
Where the daemon listens:
.B unix:///path
or a path.
.TP
.BR \-v ", " \-\-version
Print the version and exit.
.TP
.BR \-h ", " \-\-help
Print help and exit; also behind each command.
"""

tail = r""".SH ENVIRONMENT
.TP
.B TIMBER_HOST
Where the daemon listens, when there is no
.BR \-\-host .
.TP
.B DOCKER_HOST
The same, when there is no
.BR TIMBER_HOST .
.TP
.B NO_COLOR
When it is set, nothing is printed in colour.
.SH EXIT STATUS
.TP
0
It was done.
.TP
1
It was not; the message on standard error says why.
.TP
125
.BR run :
the container could not be made or started; or a command line that cannot be understood.
.TP
126, 127
.B run
and
.BR exec :
the command in the container cannot be executed, or is not there.
.TP
otherwise
.BR run " and " exec :
the status of the command in the container; 128 and the signal's number when a signal ended it.
.SH FILES
.TP
.I /run/timber/timberd.sock
The daemon's socket.
.SH SEE ALSO
.BR timberd (8)
"""


def roff(text):
    """Plain text as roff: nothing in it is a request or an escape."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    text = "".join(c if ord(c) < 128 else f"\\[u{ord(c):04X}]" for c in text)
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in text.split("\n"))


def sentence(text):
    return roff(text if text.endswith((".", "…", "!", "?")) else text + ".")


def spelling(name):
    return ("--" if name["kind"] == "long" else "-") + name["name"]


def options(command):
    for argument in command["arguments"]:
        names = argument.get("names", [])
        if argument["kind"] == "positional" or not argument["shouldDisplay"] or any(n["name"] in ("help", "version") for n in names):
            continue
        # A switch comes as two flags with one text; the second spelling says nothing new.
        if any(n["name"].startswith("no-") and argument.get("defaultValue") is None for n in names) and is_inverse(argument, command):
            continue
        yield argument


def is_inverse(argument, command):
    name = next(n["name"] for n in argument["names"] if n["name"].startswith("no-"))
    others = {n["name"] for other in command["arguments"] for n in other.get("names", [])}
    return name[len("no-"):] in others


def synopsis(path, command):
    words = [f".B {roff(' '.join(path))}"]
    if any(True for _ in options(command)):
        words.append(".RI [ option \" ...]\"")
    for argument in command["arguments"]:
        if argument["kind"] == "positional" and argument["shouldDisplay"]:
            name = roff(argument["valueName"])
            more = " ..." if argument["isRepeating"] else ""
            words.append(f'.RI [ {name} "{more}]"' if argument["isOptional"] else f'.I {name}{more}')
    return words


def section(path, command):
    lines = [f".SS {roff(' '.join(path))}", *synopsis(path, command), ".PP", sentence(command.get("abstract", ""))]
    if command.get("aliases"):
        lines += [".PP", "Also: " + roff(", ".join(" ".join(path[:-1] + [alias]) for alias in command["aliases"])) + "."]
    for argument in sorted(options(command), key=lambda a: spelling(a["names"][-1]).lstrip("-").lower()):
        names = sorted((spelling(name) for name in argument["names"]), key=len)
        term = ", ".join(f"\\fB{roff(name)}\\fR" for name in names)
        if argument["kind"] == "option":
            term += f" \\fI{roff(argument['valueName'])}\\fR"
        lines += [".TP", term, sentence(argument.get("abstract", ""))]
    if command.get("discussion"):
        lines += prose(command["discussion"])
    return lines


def prose(text):
    """Paragraphs, and indented blocks as they are."""
    lines = []
    for block in re.split(r"\n{2,}", text.strip("\n")):
        plain, shown = [], []
        for line in block.split("\n"):
            (shown if line.startswith("  ") else plain).append(line)
        if plain:
            lines += [".PP", roff("\n".join(plain))]
        if shown:
            lines += [".PP", ".in +4n", ".EX", roff("\n".join(line.strip() for line in shown)), ".EE", ".in"]
    return lines


def leaves(command, path):
    children = [c for c in command.get("subcommands", []) if c["commandName"] != "help" and c["shouldDisplay"]]
    for child in children:
        yield from leaves(child, path + [child["commandName"]])
    if not children:
        yield path, command


def describe(program):
    return json.loads(subprocess.run([program, "--experimental-dump-help"], check=True, capture_output=True, text=True).stdout)["command"]


def main(arguments):
    check = "--check" in arguments
    binaries = pathlib.Path(next((a for a in arguments if a != "--check"), root / ".build/debug"))
    lines = [".SH COMMANDS"]
    told, again = {}, []
    for path, command in leaves(describe(binaries / "tctl"), ["tctl"]):
        same = told.setdefault(json.dumps([command.get("abstract"), command["arguments"]]), path)
        if same is path:
            lines += section(path, command)
        else:
            again.append((path, same))
    if again:
        lines += [".SS By what they are about", "These do the same as the commands above."]
        for path, same in again:
            lines += [".TP", f".B {roff(' '.join(path))}", f".B {roff(' '.join(same))}"]
    text = head + "\n".join(lines) + "\n" + tail
    if not check:
        page.write_text(text)
        return 0
    problems = []
    if not page.exists() or page.read_text() != text:
        problems.append("docs/man/tctl.1 is out of date: make man")
    manual = (root / "docs/man/timberd.8").read_text().replace("\\-", "-")
    for argument in describe(binaries / "timberd")["arguments"]:
        for name in argument.get("names", []):
            if name["kind"] == "long" and f"--{name['name']}" not in manual:
                problems.append(f"docs/man/timberd.8 does not tell of --{name['name']}")
    print("\n".join(problems), end="\n" if problems else "", file=sys.stderr)
    return 1 if problems else 0


sys.exit(main(sys.argv[1:]))
