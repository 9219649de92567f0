"""Decoding and sampling a clip, beside a bare loop over the frames of the same file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import av

from transnet.benchmark.contest import Entrant, contest
from transnet.benchmark.measurement import Measurement, measurement
from transnet.benchmark.setting import Setting
from transnet.data.clips import read_clip
from transnet.data.manifest import ClipRecord
from transnet.data.sampling import clip_indices
from transnet.data.video import read_footage

BARE = Entrant("bare PyAV loop")
SAMPLED = Entrant("decoded and sampled")
PREPARED = Entrant("decoded, sampled, resized")
LIMIT = 1 / 0.9  # 0.9 of the rate of the bare loop


def measure(setting: Setting) -> list[Measurement]:
    """Rows of one clip, whole files."""
    records = setting.records
    outcome = contest(
        "decoding",
        {
            BARE: lambda: decode_bare(records),
            SAMPLED: _each(
                records, lambda path: read_footage(path, lambda t: clip_indices(t, setting.clip))
            ),
            PREPARED: _each(records, lambda path: read_clip(path, setting.clip)),
        },
        setting.pace,
    )
    limits = {SAMPLED: setting.limit("ratio", LIMIT)}
    return [
        measurement(
            outcome, entrant, part="decoding", threads=setting.threads, per=len(records),
            reference=() if entrant == BARE else (BARE,), limit=limits.get(entrant),
        )
        for entrant in (BARE, SAMPLED, PREPARED)
    ]  # fmt: skip


def decode_bare(records: Sequence[ClipRecord]) -> None:
    """Decode every frame of some files, and do nothing with them."""
    for record in records:
        with av.open(str(record.path)) as container:
            for _ in container.decode(video=0):
                pass


def _each(records: Sequence[ClipRecord], read: Callable[[Path], object]) -> Callable[[], None]:
    def call() -> None:
        for record in records:
            read(record.path)

    return call
