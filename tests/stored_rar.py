"""A RAR archive whose members are stored as they are, for tests: no free program writes RAR."""

import struct
import zlib
from pathlib import Path

STORED, COMPRESSED = 0x30, 0x33
SOLID = 0x0008


def make_rar(path: Path, files: dict[str, bytes], *, method=STORED, flags=0, mode=0o100644) -> Path:
    """Write RAR 3 blocks: a marker, the archive's header, a header and the bytes of each file."""
    blocks = [b"Rar!\x1a\x07\x00", _block(0x73, flags, b"\0" * 6)]
    for name, content in files.items():
        encoded = name.replace("/", "\\").encode()
        fields = struct.pack(
            "<IIBIIBBHI", len(content), len(content), 3, zlib.crc32(content), 0x5A21_0000, 20,
            method, len(encoded), mode,
        )  # fmt: skip
        blocks += [_block(0x74, 0x8000, fields + encoded), content]
    blocks.append(_block(0x7B, 0x4000, b""))
    path.write_bytes(b"".join(blocks))
    return path


def _block(kind: int, flags: int, fields: bytes) -> bytes:
    head = struct.pack("<BHH", kind, flags, 7 + len(fields)) + fields
    return struct.pack("<H", zlib.crc32(head) & 0xFFFF) + head
