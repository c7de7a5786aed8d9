"""Time of commands and requests."""

import json
import shlex
import socket
import subprocess
import time


def commands(sandbox, command, environment, runs, warmup=1, shell=False):
    """Runs one command line under hyperfine; a run that fails ends the benchmark.

    - Returns: seconds, one value for each run.
    """
    result = sandbox.run / "hyperfine.json"
    words = ["hyperfine", "--runs", str(runs), "--warmup", str(warmup), "--style", "none", "--export-json", str(result)]
    line = command if shell else shlex.join(command)
    done = subprocess.run([*words, *([] if shell else ["--shell=none"]), line], env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{line}: {done.stderr.strip()}")
    return json.loads(result.read_text())["results"][0]["times"]


def requests(path, url, count):
    """GETs a URL over a Unix socket: what curl says of each."""
    times = []
    for _ in range(count):
        done = subprocess.run(
            ["curl", "--silent", "--fail", "--output", "/dev/null", "--write-out", "%{time_total}", "--unix-socket", str(path),
             f"http://localhost{url}"],
            check=True, capture_output=True, text=True)
        times.append(float(done.stdout))
    return times


def first_answer(command, environment, port, path, limit=20):
    """From the start of a command to the first answer of what it starts."""
    started = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    while time.monotonic() < started + limit:
        if answers(port, path):
            seconds = time.monotonic() - started
            container = process.communicate()[0].strip()
            return seconds, container
        time.sleep(0.001)
    process.communicate()
    raise RuntimeError(f"{shlex.join(command)}: no answer in {limit} s")


def answers(port, path):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            return b" 200 " in connection.recv(4096)
    except OSError:
        return False
