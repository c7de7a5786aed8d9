"""Tars built in code, header by header, so that a test can lie in any field.

`TarBuilder` writes what it is told: names are bytes, sizes and checksums may be wrong, records may be missing.
"""

BLOCK = 512

FILE, HARD, LINK, CHARACTER, BLOCK_DEVICE, DIRECTORY, FIFO = b"0", b"1", b"2", b"3", b"4", b"5", b"6"
PAX, PAX_GLOBAL, GNU_NAME, GNU_LINK, GNU_SPARSE = b"x", b"g", b"L", b"K", b"S"


def as_bytes(name):
    return name.encode("utf-8", "surrogateescape") if isinstance(name, str) else name


def number(value, width):
    """A header's number: octal, or base 256 when it does not fit or is negative."""
    if 0 <= value < 8 ** (width - 1):
        return f"{value:0{width - 1}o}".encode() + b"\0"
    data = value.to_bytes(width, "big", signed=True)
    return bytes([data[0] | 0x80 if value >= 0 else 0xFF]) + data[1:]


def header(name, kind=FILE, *, size=0, mode=0o644, uid=0, gid=0, mtime=0, target=b"", major=0, minor=0,
           magic=b"ustar\x0000", prefix=b"", checksum=None):  # fmt: skip
    """One 512-byte header. `size` may be bytes, to be put there as they are."""
    field = size if isinstance(size, bytes) else number(size, 12)
    data = (
        as_bytes(name)[:100].ljust(100, b"\0")
        + number(mode, 8) + number(uid, 8) + number(gid, 8)
        + field[:12].ljust(12, b"\0")
        + number(mtime, 12)
        + b" " * 8
        + kind
        + as_bytes(target)[:100].ljust(100, b"\0")
        + magic.ljust(8, b"\0")
        + b"\0" * 64
        + number(major, 8) + number(minor, 8)
        + prefix.ljust(155, b"\0")
    ).ljust(BLOCK, b"\0")  # fmt: skip
    if checksum is None:
        checksum = sum(data)
    return data[:148] + f"{checksum:06o}".encode() + b"\0 " + data[156:]


def padded(data):
    return data + b"\0" * (-len(data) % BLOCK)


def pax_record(key, value):
    body = b" " + as_bytes(key) + b"=" + as_bytes(value) + b"\n"
    length = len(body) + 1
    while len(str(length)) + len(body) != length:
        length = len(str(length)) + len(body)
    return str(length).encode() + body


class TarBuilder:
    """Entries one after another; `bytes()` ends the archive with its two zero blocks, unless told not to."""

    def __init__(self):
        self.data = bytearray()

    def raw(self, data):
        self.data += data
        return self

    def entry(self, name, kind=FILE, content=b"", **fields):
        """Any entry. Names and targets over 100 bytes get a GNU long-name record."""
        for record, value in ((GNU_NAME, name), (GNU_LINK, fields.get("target", b""))):
            value = as_bytes(value)
            if len(value) > 100:
                self.raw(header(b"././@LongLink", record, size=len(value) + 1)).raw(padded(value + b"\0"))
        fields.setdefault("size", len(content))
        return self.raw(header(name, kind, **fields)).raw(padded(content))

    def file(self, name, content=b"", **fields):
        return self.entry(name, FILE, as_bytes(content), **fields)

    def directory(self, name, mode=0o755, **fields):
        return self.entry(name, DIRECTORY, mode=mode, **fields)

    def link(self, name, target, **fields):
        return self.entry(name, LINK, target=target, mode=0o777, **fields)

    def hard(self, name, target, **fields):
        return self.entry(name, HARD, target=target, **fields)

    def device(self, name, major, minor, kind=CHARACTER, **fields):
        return self.entry(name, kind, major=major, minor=minor, **fields)

    def fifo(self, name, **fields):
        return self.entry(name, FIFO, **fields)

    def whiteout(self, name):
        directory, _, base = name.rpartition("/")
        return self.file(f"{directory}/.wh.{base}" if directory else f".wh.{base}")

    def opaque(self, directory):
        return self.file(f"{directory}/.wh..wh..opq")

    def pax(self, records, kind=PAX):
        """An extended header for the next entry."""
        data = b"".join(pax_record(key, value) for key, value in records.items())
        return self.raw(header(b"PaxHeaders/x", kind, size=len(data))).raw(padded(data))

    def bytes(self, end=True):
        return bytes(self.data) + (b"\0" * BLOCK * 2 if end else b"")
