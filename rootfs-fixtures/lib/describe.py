#!/usr/bin/env python3
"""describe.py DIRECTORY: prints, as JSON, every file below DIRECTORY as stat, readlink and getxattr see it.

Used to write down what an unpacked image must look like, and again to look at what a container sees of it.
Names are bytes: they are printed as Latin-1, so that any name can be told.
"""

import hashlib
import json
import os
import stat
import sys

KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "link",
    stat.S_IFIFO: "fifo",
    stat.S_IFCHR: "character",
    stat.S_IFBLK: "block",
    stat.S_IFSOCK: "socket",
}


def text(data):
    return data.decode("latin-1")


def describe(path):
    status = os.lstat(path)
    kind = KINDS[stat.S_IFMT(status.st_mode)]
    entry = {
        "kind": kind,
        "mode": oct(stat.S_IMODE(status.st_mode)),
        "owner": f"{status.st_uid}:{status.st_gid}",
    }
    if kind == "file":
        entry["size"] = status.st_size
        entry["links"] = status.st_nlink
        with open(path, "rb") as file:
            entry["sha256"] = hashlib.sha256(file.read()).hexdigest()
    if kind == "link":
        entry["target"] = text(os.readlink(path))
    if kind in ("character", "block"):
        entry["device"] = f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
    if kind != "directory":
        entry["modified"] = status.st_mtime_ns
    xattrs = {name: text(os.getxattr(path, name, follow_symlinks=False)) for name in os.listxattr(path, follow_symlinks=False)}
    # overlay's own marks belong to how a tree is stored, not to what it holds.
    entry["xattrs"] = {name: value for name, value in sorted(xattrs.items()) if not name.startswith("trusted.")}
    return entry


def tree(top):
    """Returns {relative name: description} of everything below `top`."""
    found = {}
    top = os.fsencode(top)
    for directory, directories, files in os.walk(top):
        for name in directories + files:
            path = os.path.join(directory, name)
            found[text(os.path.relpath(path, top))] = describe(path)
    return dict(sorted(found.items()))


if __name__ == "__main__":
    json.dump(tree(sys.argv[1]), sys.stdout, indent=1)
