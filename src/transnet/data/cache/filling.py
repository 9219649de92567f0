"""Many clips, each decoded once: what a store holds of them already is not even opened.

Decoding runs in threads ahead of whoever makes use of it, and only the clips in hand are held in
memory. A run that was killed goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from transnet.config import ClipConfig
from transnet.data.cache.store import Store
from transnet.data.clips import Clip, read_views
from transnet.data.manifest import ClipRecord
from transnet.data.views import View
from transnet.errors import VideoError
from transnet.utils.progress import progress_bar
from transnet.utils.threads import prefetch

Prepared = TypeVar("Prepared")


@dataclass
class StageSeconds:
    """Where the time before a training or an evaluation went, in seconds.

    ``decode`` is summed over the decoding threads and so may exceed what a clock showed.
    """

    decode: float = 0.0
    backbone: float = 0.0
    total: float = 0.0

    def add(self, other: StageSeconds) -> None:
        self.decode += other.decode
        self.backbone += other.backbone
        self.total += other.total


@dataclass(frozen=True)
class KeptClips:
    """The clips of which a store holds what it shall.

    Attributes:
        keys: for each clip that could be read, the names of its views in the store.
        digests: a hash of each of these clips' video files.
        broken: the others, with what is wrong with each.
        computed: how many clips had to be decoded, the rest was there.
        seconds: where the time went.
    """

    keys: dict[ClipRecord, list[str]]
    digests: dict[ClipRecord, str]
    broken: dict[ClipRecord, VideoError]
    computed: int
    seconds: StageSeconds = field(default_factory=StageSeconds)


def keep_clips(
    store: Store,
    records: Sequence[ClipRecord],
    clip: ClipConfig,
    views_of: Callable[[str], Sequence[View]],
    key_of: Callable[[str, View], str],
    prepare: Callable[[Clip], Prepared],
    keep: Callable[[Mapping[str, Prepared]], None],
    *,
    workers: Callable[[int], int],
    title: str,
) -> KeptClips:
    """Decode the clips that a store lacks, and see that it gets them.

    Args:
        store: where the views of the clips are kept.
        records: the clips.
        clip: how a video becomes a clip.
        views_of: from a name of a clip, which is always the same, to the ways to look at it.
        key_of: the name in the store of a view of a clip.
        prepare: what to make of a decoded view; called in the decoding threads.
        keep: writes what was made of the missing views of one clip, by their names.
        workers: told how many views are missing, says how many threads shall decode.
        title: what to call the work in the progress bar.

    Raises:
        TransNetError: the store cannot be written.
    """
    started = time.perf_counter()
    seconds = StageSeconds()
    kept: dict[ClipRecord, list[str]] = {}
    digests: dict[ClipRecord, str] = {}
    broken: dict[ClipRecord, VideoError] = {}
    missing: list[tuple[ClipRecord, dict[str, View]]] = []
    for record in dict.fromkeys(records):
        try:
            digest = store.video_digest(record.path)
        except VideoError as error:
            broken[record] = error
            continue
        identity = f"{digest}:{record.start}:{record.end}"
        views = [(key_of(identity, view), view) for view in views_of(identity)]
        digests[record], kept[record] = digest, [key for key, _ in views]
        lacking = {key: view for key, view in views if key not in store}
        if lacking:
            missing.append((record, lacking))

    def read(record: ClipRecord, views: Sequence[View]) -> list[Prepared]:
        begun = time.perf_counter()
        clips = read_views(record.path, clip, views, start=record.start, end=record.end)
        seconds.decode += time.perf_counter() - begun
        return [prepare(one) for one in clips]

    if missing:
        threads = workers(sum(len(views) for _, views in missing))
        reads = ((lambda r=r, v=v: read(r, list(v.values()))) for r, v in missing)
        with progress_bar(title, len(missing), "clips") as bar:
            results = prefetch(reads, threads)
            for (record, lacking), result in zip(missing, results, strict=True):
                try:
                    prepared = result.result()
                except VideoError as error:
                    broken[record] = error
                    del kept[record], digests[record]
                else:
                    keep(dict(zip(lacking, prepared, strict=True)))
                bar.update(1)
    seconds.total = time.perf_counter() - started
    return KeptClips(kept, digests, broken, len(missing), seconds)
