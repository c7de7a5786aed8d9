#!/usr/bin/env python3
"""count.py FILE...: sums JUnit reports and prints "passed failed". A skipped test did not run, so it counts as failed."""

import sys
import xml.etree.ElementTree as ElementTree


def count(paths):
    passed = failed = 0
    for path in paths:
        for case in ElementTree.parse(path).iter("testcase"):
            if any(case.find(outcome) is not None for outcome in ("failure", "error", "skipped")):
                failed += 1
            else:
                passed += 1
    return passed, failed


if __name__ == "__main__":
    print(*count(sys.argv[1:]))
