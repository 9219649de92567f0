"""Filling a store: each missing clip is decoded once, and clips that are complete are not opened.

Decoding runs in threads ahead of the consumer, and only a few decoded clips are held in memory. A
run that was killed continues where it stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from transnet.config import ClipConfig
from transnet.data.cache.store import Store
from transnet.data.clips import Clip, read_views
from transnet.data.manifest import ClipRecord
from transnet.data.views import View
from transnet.errors import FileError, VideoError
from transnet.utils.progress import progress_bar
from transnet.utils.reading import read_many

Prepared = TypeVar("Prepared")

ViewsOf = Callable[[str], Sequence[View]]
"""From the identity of a clip (its video's bytes and frame range) to its views."""


@dataclass
class StageSeconds:
    """Time spent in the stages before a training or an evaluation, in seconds.

    ``decode`` is summed over the decoding threads, so it may exceed ``total``.
    """

    decode: float = 0.0
    backbone: float = 0.0
    total: float = 0.0

    def add(self, other: StageSeconds) -> None:
        self.decode += other.decode
        self.backbone += other.backbone
        self.total += other.total


@dataclass(frozen=True)
class MissingClip:
    """A clip of which a store lacks some views, by their keys."""

    record: ClipRecord
    views: dict[str, View]


@dataclass
class KeptClips:
    """Clips in a store: those that it holds and, after :meth:`decode_missing`, all of them.

    Attributes:
        keys: for each readable clip, the keys of its views in the store.
        digests: a hash of the video file of each readable clip.
        broken: the error of each other clip.
        missing: clips that have to be decoded.
        seconds: time spent.
    """

    keys: dict[ClipRecord, list[str]] = field(default_factory=dict)
    digests: dict[ClipRecord, str] = field(default_factory=dict)
    broken: dict[ClipRecord, FileError] = field(default_factory=dict)
    missing: list[MissingClip] = field(default_factory=list)
    seconds: StageSeconds = field(default_factory=StageSeconds)

    @property
    def computed(self) -> int:
        """How many clips were not in the store."""
        return len(self.missing)

    def decode_missing(
        self, config: ClipConfig, prepare: Callable[[Clip], Prepared], *, workers: int, title: str
    ) -> Iterator[dict[str, Prepared]]:
        """Decode the missing clips, for the caller to store; broken ones move to ``broken``.

        Args:
            config: how a video becomes a clip.
            prepare: called on each decoded view, in the decoding threads.
            workers: decoding threads.
            title: what to call the work in the progress bar.

        Yields:
            The prepared missing views of one clip, by their keys.
        """
        if not self.missing:
            return
        started = time.perf_counter()

        def read(clip: MissingClip) -> tuple[list[Prepared], float]:
            begun = time.perf_counter()
            where = clip.record
            views = list(clip.views.values())
            clips = read_views(
                where.path,
                config,
                views,
                start=where.start,
                end=where.end,
                person=where.person,
            )
            decode_s = time.perf_counter() - begun
            return [prepare(one) for one in clips], decode_s

        for clip, result in read_many(self.missing, read, workers=workers, title=title):
            if isinstance(result, FileError):
                self.broken[clip.record] = result
                del self.keys[clip.record], self.digests[clip.record]
            else:
                prepared, decode_s = result
                self.seconds.decode += decode_s
                yield dict(zip(clip.views, prepared, strict=True))
        self.seconds.total += time.perf_counter() - started


def find_clips(
    store: Store,
    records: Sequence[ClipRecord],
    views_of: ViewsOf,
    key_of: Callable[[str, View], str],
    holds: Callable[[str], bool] | None = None,
) -> KeptClips:
    """Look up clips in a store; nothing is decoded.

    Args:
        store: where the views of the clips are kept.
        records: the clips.
        views_of: the views of a clip, given its identity.
        key_of: the key in the store of a view, given the clip's identity.
        holds: whether the store has an undamaged entry of a key; by default ``key in store``.

    Raises:
        TransNetError: the store cannot be written.
    """
    started = time.perf_counter()
    found = KeptClips()
    holds = store.__contains__ if holds is None else holds
    different = list(dict.fromkeys(records))
    with progress_bar("looking up clips", len(different), "clips", delay_s=2) as bar:
        for record in different:
            bar.update(1)
            try:
                digest = store.video_digest(record.path)
            except VideoError as error:
                found.broken[record] = error
                continue
            identity = f"{digest}:{record.start}:{record.end}"
            if record.person is not None:
                identity += f":{record.person.digest}"
            views = [(key_of(identity, view), view) for view in views_of(identity)]
            found.digests[record], found.keys[record] = digest, [key for key, _ in views]
            lacking = {key: view for key, view in views if not holds(key)}
            if lacking:
                found.missing.append(MissingClip(record, lacking))
    found.seconds.total = time.perf_counter() - started
    return found
