"""Which clips a run was trained on, and the refusal to test it on them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from transnet.checkpoints.clip_list import CLIPS_FILE, trained_ranges
from transnet.data.cache.store import file_digest
from transnet.data.manifest import ClipRecord
from transnet.errors import TransNetError


def refuse_trained_clips(
    run: Path, digests: Mapping[ClipRecord, str], total: int, *, allow: bool
) -> int:
    """Count the test clips that a run was trained on.

    Args:
        run: the run folder.
        digests: a hash of the video of each test clip.
        total: test clips, including those that cannot be read.
        allow: accept such clips.

    Raises:
        TransNetError: there are such clips, and they are not allowed.
    """
    trained = _trained_clips(run, digests)
    if trained and not allow:
        raise TransNetError(_refusal(trained, total))
    return len(trained)


class TrainedVideos:
    """Tells videos that a run was trained on, under any name.

    Args:
        run: the run folder; without ``clips.csv`` no video counts as trained on.

    Raises:
        TransNetError: ``clips.csv`` is damaged.
    """

    def __init__(self, run: Path) -> None:
        self._digests = trained_ranges(run).keys() if (run / CLIPS_FILE).is_file() else set()

    def __contains__(self, path: str) -> bool:
        """Whether any frames of a video were trained on; not, if it cannot be read."""
        try:
            return bool(self._digests) and file_digest(path) in self._digests
        except OSError:
            return False


def _trained_clips(run: Path, digests: Mapping[ClipRecord, str]) -> list[ClipRecord]:
    known = trained_ranges(run)

    def overlaps(clip: ClipRecord) -> bool:
        first, last = clip.start or 0, math.inf if clip.end is None else clip.end
        ranges = known.get(digests[clip], ())
        return any(first < end and start < last for start, end in ranges)

    return [clip for clip in digests if overlaps(clip)]


def _refusal(trained: Sequence[ClipRecord], total: int) -> str:
    first = ", ".join(str(clip.path) for clip in trained[:3])
    return (
        f"{len(trained)} of the {total} test clips were trained on (first: {first}). A score on "
        "them says nothing. Choose the split that the run was trained on, or other clips; to "
        "test on them anyway: --allow-trained-clips"
    )
