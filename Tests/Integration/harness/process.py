"""Commands and what came of them."""

import subprocess
from dataclasses import dataclass

from .wait import SLOWNESS


@dataclass
class Result:
    """What a finished command left: status, standard output, standard error."""

    command: list
    status: int
    stdout: bytes
    stderr: bytes

    @property
    def out(self):
        return self.stdout.decode("utf-8", "surrogateescape").rstrip("\n")

    @property
    def err(self):
        return self.stderr.decode("utf-8", "surrogateescape").rstrip("\n")

    @property
    def lines(self):
        return self.out.splitlines()

    def ok(self):
        """Returns itself when the command succeeded, and fails the test with all that it said otherwise."""
        assert self.status == 0, f"{self}"
        return self

    def ends(self, status):
        """Returns itself when the command ended with `status`, whatever it said."""
        assert self.status == status, f"expected status {status}: {self}"
        return self

    def fails(self, status, *words):
        """Returns itself when the command ended with `status` (or one of several) and said every one of `words`."""
        statuses = status if isinstance(status, tuple) else (status,)
        assert self.status in statuses, f"expected status {status}: {self}"
        for word in words:
            assert word.lower() in self.err.lower(), f"does not say {word!r}: {self}"
        assert self.err, f"failed without a word: {self}"
        assert "Fatal error" not in self.err and "Traceback" not in self.err, f"{self}"
        return self

    def __str__(self):
        return f"{' '.join(map(str, self.command))}\nstatus {self.status}\nstdout: {self.out[:4000]}\nstderr: {self.err[:4000]}"


def run(command, *, input=None, env=None, timeout=90, cwd=None):
    """Runs `command` to its end. `input` is bytes, text or an open file; without it the command has no standard input."""
    timeout *= SLOWNESS
    stdin = subprocess.DEVNULL
    data = None
    if hasattr(input, "fileno"):
        stdin = input
    elif input is not None:
        stdin = subprocess.PIPE
        data = input.encode() if isinstance(input, str) else input
    process = subprocess.Popen(
        [str(word) for word in command], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, cwd=cwd
    )
    try:
        stdout, stderr = process.communicate(data, timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        stdout, stderr = process.communicate()
        raise AssertionError(f"did not end in {timeout} s: {Result(list(command), -9, stdout, stderr)}") from None
    return Result(list(command), process.returncode, stdout, stderr)
