"""Packets of an MPEG transport stream whose pieces were joined."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from av.packet import Packet
from av.video.stream import VideoStream

# A piece starts with a key frame; the parser lags one packet behind the counter.
_JOIN_WITHIN = 2


def accept_joins(packets: Iterator[Packet[VideoStream]]) -> Iterator[Packet[VideoStream]]:
    """Take the mark of damage from the last packets of a joined piece.

    Every piece counts its packets anew, which FFmpeg marks as a loss. It is none where a key frame
    follows at once; if data was lost there, the decoder says so.
    """
    waiting: deque[Packet[VideoStream]] = deque()
    for packet in packets:
        waiting.append(packet)
        if len(waiting) > _JOIN_WITHIN:
            yield _judged(waiting)
    while waiting:
        yield _judged(waiting)


def _judged(waiting: deque[Packet[VideoStream]]) -> Packet[VideoStream]:
    packet = waiting.popleft()
    if packet.is_corrupt and any(after.is_keyframe and after.size for after in waiting):
        packet.is_corrupt = False
    return packet
