"""Damage that FFmpeg does not report: files checked against their own ends and checksums.

Each check reads a file once and decodes nothing.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

# Bits of every byte reversed: zlib's CRC-32 runs from the other end of a byte.
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True)
class Integrity:
    """What a file says about itself.

    Attributes:
        fault: what is wrong, as the end of a sentence; empty if nothing was found.
        is_whole: whether the file proves that nothing is missing at its end.
    """

    fault: str = ""
    is_whole: bool = False


class _FaultError(Exception):
    pass


def check_integrity(path: Path | str, format_name: str) -> Integrity:
    """Check a file against its own structure.

    Args:
        path: the file.
        format_name: FFmpeg's name of its container; only GIF, Ogg and Matroska are checked.
    """
    check = _CHECKS.get(format_name)
    if check is None:
        return Integrity()
    try:
        with open(path, "rb") as file:
            return Integrity(is_whole=check(file))
    except _FaultError as fault:
        return Integrity(str(fault))
    except OSError as error:
        return Integrity(f"cannot be read to its end ({error}).")


def crc32_msb(data: bytes) -> int:
    """CRC-32 of polynomial 0x04C11DB7, most significant bit first, starting at 0.

    Ogg pages and FFV1 slices carry it.

    Example:
        >>> hex(crc32_msb(b"123456789"))
        '0x89a1897f'
    """
    mirrored = zlib.crc32(data.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(_REVERSED), "big")


def ffv1_slices_intact(packet: bytes) -> bool:
    """Whether every slice of an FFV1 frame (version 3) passes its checksum.

    False as well for a frame without checksums. A slice ends in its size in three bytes, a status
    byte and the CRC (RFC 9043, section 4.9).
    """
    end = len(packet)
    while end > 0:
        start = end - 8 - int.from_bytes(packet[max(end - 8, 0) : max(end - 5, 0)], "big")
        if end < 8 or start < 0 or crc32_msb(packet[start:end]):
            return False
        end = start
    return bool(packet)


def _check_gif(file: BinaryIO) -> bool:
    """Walk from block to block to the trailer (GIF89a, appendix A)."""
    header = _exactly(file, 13)
    _skip_color_table(file, header[10])
    while (kind := _exactly(file, 1)) != b"\x3b":
        if kind == b"\x2c":
            _skip_color_table(file, _exactly(file, 9)[8])
            file.seek(1, os.SEEK_CUR)  # minimum code size
        elif kind == b"\x21":
            file.seek(1, os.SEEK_CUR)  # label
        else:
            raise _FaultError("is damaged: a GIF block starts with an unknown byte.")
        while size := _exactly(file, 1)[0]:
            _exactly(file, size)
    return True


def _skip_color_table(file: BinaryIO, flags: int) -> None:
    if flags & 0x80:
        _exactly(file, 3 << ((flags & 7) + 1))


def _check_ogg(file: BinaryIO) -> bool:
    """Check the checksum and number of each page, and that each stream ends (RFC 3533)."""
    numbers: dict[bytes, int] = {}
    running: set[bytes] = set()
    while header := file.read(27):
        if len(header) < 27 or header[:4] != b"OggS":
            raise _FaultError("is damaged: an Ogg page is missing or cut.")
        sizes = _exactly(file, header[26])
        body = _exactly(file, sum(sizes))
        if crc32_msb(header[:22] + bytes(4) + header[26:] + sizes + body) != int.from_bytes(
            header[22:26], "little"
        ):
            raise _FaultError("is damaged: the checksum of an Ogg page is wrong.")
        stream, number = header[14:18], int.from_bytes(header[18:22], "little")
        if number != numbers.get(stream, number - 1) + 1 and not header[5] & 2:
            raise _FaultError("is damaged: an Ogg page is missing.")
        numbers[stream] = number
        (running.discard if header[5] & 4 else running.add)(stream)
    if running:
        raise _FaultError("is truncated: its last Ogg page is missing.")
    return True


_SEGMENT, _CLUSTER, _CRC = 0x18538067, 0x1F43B675, 0xBF
# Timestamp, Position, PrevSize, EncryptedBlock, BlockGroup, SimpleBlock, CRC-32, Void,
# SilentTracks: all that RFC 9559 allows in a Cluster.
_IN_A_CLUSTER = frozenset({0xE7, 0xA7, 0xAB, 0xAF, 0xA0, 0xA3, _CRC, 0xEC, 0x5854})


def _check_matroska(file: BinaryIO) -> bool:
    """Check that the segment ends where it says, and the checksums of its parts (RFC 8794)."""
    size = os.fstat(file.fileno()).st_size
    while (element := _element(file)) is not None:
        kind, length = element
        if kind == _SEGMENT:
            if length is None:  # a live recording
                return False
            end = file.tell() + length
            if end > size:
                raise _FaultError(f"is truncated: {end - size} bytes are missing at its end.")
            _check_parts(file, end)
            return True
        if length is None:
            return False
        file.seek(length, os.SEEK_CUR)
    return False


def _check_parts(file: BinaryIO, end: int) -> None:
    while file.tell() < end:
        element = _element(file)
        if element is None:
            return
        kind, length = element
        if length is None:
            return
        if file.tell() + length > end:
            raise _FaultError("is damaged: a part of it is longer than the whole.")
        start = file.tell()
        if length > 6 and file.read(2) == bytes([_CRC, 0x84]):
            stated = int.from_bytes(file.read(4), "little")
            if _crc32(file, length - 6) != stated:
                raise _FaultError("is damaged: a checksum of the file is wrong.")
        file.seek(start)
        if kind == _CLUSTER:
            _check_cluster(file, start + length)
        file.seek(start + length)


def _check_cluster(file: BinaryIO, end: int) -> None:
    """Check that the blocks of a cluster fill it."""
    while file.tell() < end:
        element = _element(file)
        if element is None or element[0] not in _IN_A_CLUSTER or element[1] is None:
            raise _FaultError("is damaged: a Matroska cluster holds an unknown element.")
        file.seek(element[1], os.SEEK_CUR)
    if file.tell() > end:
        raise _FaultError("is damaged: a Matroska block is longer than its cluster.")


def _crc32(file: BinaryIO, length: int) -> int:
    crc = 0
    while length:
        data = file.read(min(length, 1 << 20))
        if not data:
            break
        crc, length = zlib.crc32(data, crc), length - len(data)
    return crc


def _element(file: BinaryIO) -> tuple[int, int | None] | None:
    """Identifier and length of the next EBML element; a length of all ones is unknown."""
    first = file.read(1)
    if not first or not first[0] >> 4:
        return None
    kind = int.from_bytes(first + file.read(8 - first[0].bit_length()), "big")
    first = file.read(1)
    if not first or not first[0]:
        return None
    width = 9 - first[0].bit_length()
    value = int.from_bytes(first + file.read(width - 1), "big") & ((1 << 7 * width) - 1)
    return kind, (None if value == (1 << 7 * width) - 1 else value)


def _exactly(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise _FaultError("is truncated: it ends before its end mark.")
    return data


_CHECKS: dict[str, Callable[[BinaryIO], bool]] = {
    "gif": _check_gif,
    "ogg": _check_ogg,
    "matroska,webm": _check_matroska,
}
