#!/usr/bin/env python3
"""count.py FILE...: sums JUnit reports; prints "passed failed", then a line for each test that failed: its name and why.

A skipped test did not run, so it counts as failed.
"""

import sys
import xml.etree.ElementTree as ElementTree


def outcomes(paths):
    """(name, None or why it failed) of every test case."""
    for path in paths:
        for case in ElementTree.parse(path).iter("testcase"):
            bad = next((found for outcome in ("failure", "error", "skipped") if (found := case.find(outcome)) is not None), None)
            why = None if bad is None else f"{bad.tag}: " + " ".join((bad.get("message") or bad.text or "").split())[:300]
            yield ".".join(filter(None, (case.get("classname"), case.get("name")))), why


if __name__ == "__main__":
    found = list(outcomes(sys.argv[1:]))
    failures = [(name, why) for name, why in found if why]
    print(len(found) - len(failures), len(failures))
    for name, why in failures:
        print(f"{name}: {why}")
