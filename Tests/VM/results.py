#!/usr/bin/env python3
"""results.py REPORT: what a JUnit report says, a line a test: "ok FILE.TEST" or "failed FILE.TEST"."""

import re
import sys
import xml.etree.ElementTree as ElementTree

for case in ElementTree.parse(sys.argv[1]).iter("testcase"):
    # A skipped test did not run.
    bad = any(case.find(outcome) is not None for outcome in ("failure", "error", "skipped"))
    name = re.sub(r"[^\w.\[\]-]+", "_", f"{case.get('classname').rpartition('.')[2]}.{case.get('name')}", flags=re.ASCII)
    print("failed" if bad else "ok", name)
