"""Decoding and sampling a clip, against a bare loop over the frames of the same file."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import av

from transnet.benchmark.contest import Entrant, contest
from transnet.benchmark.measurement import Measurement, measurement
from transnet.benchmark.setting import Setting
from transnet.config import ClipConfig
from transnet.data.clips import read_clip
from transnet.data.manifest import ClipRecord
from transnet.data.sampling import clip_indices
from transnet.data.video.footage import read_footage

BARE = Entrant("bare PyAV loop")
SAMPLED = Entrant("decoded and sampled")
PREPARED = Entrant("decoded, sampled, resized")
LIMIT = 1 / 0.9  # 0.9 of the rate of the bare loop


def measure_part(setting: Setting) -> list[Measurement]:
    """Decoding per clip."""
    records = setting.records
    outcome = contest(
        "decoding",
        {
            BARE: lambda: decode_bare(records),
            SAMPLED: lambda: _decode_and_sample(records, setting.clip),
            PREPARED: lambda: _read(records, setting.clip),
        },
        setting.schedule,
    )
    limits = {SAMPLED: setting.limit("ratio", LIMIT)}
    return [
        measurement(
            outcome,
            entrant,
            part="decoding",
            threads=setting.threads,
            per=len(records),
            reference=() if entrant == BARE else (BARE,),
            limit=limits.get(entrant),
        )
        for entrant in (BARE, SAMPLED, PREPARED)
    ]


def decode_bare(records: Sequence[ClipRecord]) -> None:
    """Decode the frames of clips and discard them."""
    for record in records:
        with av.open(str(record.path)) as container:
            for _ in itertools.islice(container.decode(video=0), record.end):
                pass


def _decode_and_sample(records: Sequence[ClipRecord], config: ClipConfig) -> None:
    for record in records:
        read_footage(
            record.path,
            lambda times_s: clip_indices(times_s, config),
            start=record.start,
            end=record.end,
        )


def _read(records: Sequence[ClipRecord], config: ClipConfig) -> None:
    for record in records:
        read_clip(record.path, config, start=record.start, end=record.end)
