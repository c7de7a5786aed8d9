"""fuzz.py CONTRACT SECONDS: requests that schemathesis makes from Docker's OpenAPI description, valid ones and spoilt ones, against a private
timberd. Fails on a status from 500 on, unless docs/api.md says that an endpoint is refused with it or a registry is out of reach, on an error
without Docker's message, on a lost daemon, and on one that does not give back its descriptors."""

import collections
import json
import random
import re
import sys
import time
from pathlib import Path

import hypothesis
import requests
import schemathesis
from docker.transport import UnixHTTPAdapter
from harness import host
from harness.daemon import Daemon, Slot
from harness.wait import until

BASE = "http://localhost/v1.50"
API_TABLE = Path(__file__).resolve().parents[2] / "docs/api.md"
# What a name in a path may be taken to mean, so that some requests get further than 404.
KNOWN = {"containers": ["oak", "elm"], "images": ["busybox", "busybox:latest"], "volumes": ["data"], "networks": ["bridge", "none"], "exec": []}


def is_unreachable(status, body):
    """Whether a registry that a request names is said not to be there: nothing else is wrong then."""
    return status == 503 and re.match(rb'{"message":"cannot reach https?://', body) is not None


def refusals():
    """{(method, path without names): status} of the endpoints that are refused altogether."""
    rows = re.findall(r"^\| `(\w+) ([^`]+)` \|[^|]*\| refused \| (\d{3})", API_TABLE.read_text(), re.MULTILINE)
    return {(method, re.sub(r"{[^}]*}", "{}", path)): int(status) for method, path, status in rows}


def endpoint(operation):
    return operation.method.upper(), re.sub(r"{[^}]*}", "{}", operation.path)


@schemathesis.serializer("application/x-tar", aliases=["application/octet-stream", "text/plain"])
class Archive:
    """Bodies that are no JSON: whatever bytes."""

    def as_requests(self, context, value):
        return {"data": value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")}

    def as_werkzeug(self, context, value):
        return self.as_requests(context, value)


class Fuzzer:
    def __init__(self, daemon, contract, seconds):
        self.daemon = daemon
        self.schema = schemathesis.from_path(contract, base_url=BASE, data_generation_methods=["positive", "negative"])
        self.refused = refusals()
        self.seconds = seconds
        self.statuses = collections.Counter()
        self.problems = []
        self.session = requests.Session()
        self.session.mount("http+docker://", UnixHTTPAdapter(f"http+unix://{daemon.socket}", timeout=2))

    def objects(self):
        """What the known names mean; requests may have removed it."""
        for name in KNOWN["containers"]:
            body = {"Image": "busybox", "Cmd": ["sleep", "1000000"], "OpenStdin": True}
            self.daemon.api.post("/containers/create", body, name=name).expect(201, 409)
        self.daemon.api.post("/containers/oak/start").expect(204, 304, 409)
        answer = self.daemon.api.post("/containers/oak/exec", {"Cmd": ["cat"], "AttachStdin": True})
        KNOWN["exec"] = [answer.json["Id"]] if answer.status == 201 else []
        self.daemon.api.post("/volumes/create", {"Name": "data"}).expect(201)

    def known(self, case):
        """Often the name of something that is there, and an image that is."""
        kind = case.operation.path.split("/")[1]
        if KNOWN.get(kind) and case.path_parameters and random.random() < 0.6:
            for name in case.path_parameters:
                case.path_parameters[name] = random.choice(KNOWN[kind])
        if case.operation.path == "/containers/create" and isinstance(case.body, dict) and random.random() < 0.7:
            case.body["Image"] = "busybox"

    def send(self, case):
        self.known(case)
        words = case.as_transport_kwargs(base_url=BASE)
        words.pop("cookies", None)
        words["url"] = words["url"].replace("http://", "http+docker://", 1)
        try:
            with self.session.request(timeout=(5, 2), stream=True, allow_redirects=False, **words) as answer:
                body = b""
                if answer.status_code != 101 and answer.status_code >= 400:
                    body = answer.raw.read(1 << 20)
                self.judge(case, words, answer.status_code, body)
        except (requests.exceptions.ReadTimeout, requests.exceptions.ChunkedEncodingError):
            # A wait, a log that is followed: an answer that takes its time.
            self.statuses["waits"] += 1
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidHeader, UnicodeError, ValueError):
            self.statuses["not sent"] += 1
        except requests.exceptions.ConnectionError as error:
            if "Read timed out" in str(error):
                self.statuses["waits"] += 1
            else:
                self.problem(case, words, f"connection: {error}")

    def judge(self, case, words, status, body):
        self.statuses[status] += 1
        if status >= 500 and self.refused.get(endpoint(case.operation)) != status and not is_unreachable(status, body):
            self.problem(case, words, f"{status} {body[:500]!r}")
        if status >= 400:
            try:
                message = json.loads(body)["message"]
            except (ValueError, KeyError, TypeError):
                if words["method"].upper() != "HEAD":
                    self.problem(case, words, f"{status} without a message: {body[:500]!r}")
            else:
                if not message:
                    self.problem(case, words, f"{status} with an empty message")

    def problem(self, case, words, text):
        self.problems.append(f"{words.get('method')} {words.get('url')} {words.get('params')} {str(words.get('json', words.get('data')))[:600]}\n    {text}")
        print(self.problems[-1], flush=True)

    def run(self):
        operations = [result.ok() for result in self.schema.get_all_operations()]
        end = time.monotonic() + self.seconds
        seed = 0
        while time.monotonic() < end:
            random.shuffle(operations)
            for operation in operations:
                if time.monotonic() > end:
                    break
                # What is refused altogether is soon known.
                if endpoint(operation) in self.refused and random.random() < 0.9:
                    continue
                self.objects()
                seed += 1
                self.operation(operation, seed, min(end, time.monotonic() + 3))
                assert self.daemon.process.poll() is None, f"the daemon ended:\n{self.daemon.log_tail()}"
                assert self.daemon.api.get("/_ping", timeout=10).status == 200

    def operation(self, operation, seed, end):
        @hypothesis.seed(seed)
        @hypothesis.settings(
            max_examples=25, deadline=None, database=None, phases=[hypothesis.Phase.generate], suppress_health_check=list(hypothesis.HealthCheck)
        )
        @hypothesis.given(case=operation.as_strategy())
        def test(case):
            if time.monotonic() < end:
                self.send(case)

        try:
            test()
        except hypothesis.errors.HypothesisException as error:
            print(f"{operation.method} {operation.path}: {error}", flush=True)


def main(contract, seconds):
    daemon = Daemon(Slot())
    try:
        daemon.start()
        daemon.load(Path(sys.modules["harness.daemon"].FIXTURES) / "busybox.tar").ok()
        daemon.run("busybox", "true").ok()
        before = len(host.descriptors(daemon.pid))
        fuzzer = Fuzzer(daemon, contract, seconds)
        fuzzer.run()
        fuzzer.session.close()
        daemon.remove_containers()
        until(lambda: len(host.descriptors(daemon.pid)) <= before + 40, seconds=30, message="descriptors stay open")
        print(dict(sorted(fuzzer.statuses.items(), key=str)))
        print(f"{sum(fuzzer.statuses.values())} requests, {len(fuzzer.problems)} problems")
        return 1 if fuzzer.problems else 0
    finally:
        daemon.discard()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], float(sys.argv[2])))
