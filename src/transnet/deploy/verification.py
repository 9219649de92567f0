"""Whether an exported model answers as the run that it was made from, on real clips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from transnet.config import ClipConfig
from transnet.data.clips import Clip, read_clip
from transnet.data.manifest import ClipRecord
from transnet.data.preprocessing import normalize
from transnet.data.video.frames import Pixels
from transnet.deploy.runtime import ExportedRecognizer
from transnet.errors import TransNetError, VideoError
from transnet.inference.recognizer import Recognizer
from transnet.utils.progress import progress_bar
from transnet.utils.threads import prefetch

TOLERANCE = 1e-4
"""By how much a probability of a float32 export may differ from torch's."""


@dataclass(frozen=True)
class Agreement:
    """How far two recognizers agree.

    Attributes:
        num_clips: clips that both have seen.
        max_difference: the largest difference of a probability, 0..1.
        top1_agreement: share of clips with the same best class, 0..1.
    """

    num_clips: int
    max_difference: float
    top1_agreement: float

    def __str__(self) -> str:
        return (
            f"largest difference of a probability {self.max_difference:.2g}, same best class on "
            f"{self.top1_agreement:.1%} of {self.num_clips} clips"
        )


def torch_scores(recognizer: Recognizer, clips: Sequence[Pixels]) -> NDArray[np.float32]:
    """Probabilities ``(N, C)`` of clips ``(T, H, W, 3)`` by the run itself."""
    info = recognizer.info
    with torch.inference_mode():
        rows = [
            recognizer.model(torch.from_numpy(normalize(clip, info.mean, info.std))[None])
            for clip in clips
        ]
    return torch.cat(rows).softmax(dim=1).numpy()


def verify(
    exported: ExportedRecognizer, clips: Sequence[Pixels], expected: NDArray[np.float32]
) -> Agreement:
    """Compare an export with what torch says of the same clips.

    The clip model and the pair for streams are both run, and the clips alone and as a batch.

    Args:
        exported: what was exported.
        clips: frames uint8 ``(T, size, size, 3)`` of each clip.
        expected: torch's probabilities ``(N, C)``.

    Raises:
        TransNetError: the two forms disagree with each other.
    """
    alone = np.concatenate([exported.scores(clip[None]) for clip in clips])
    pair = exported.scores(np.stack(clips[:2]))
    features = np.stack([exported.encode(clip) for clip in clips])
    streamed = exported.classify(features)
    for name, found in (("a batch", pair), ("the pair for streams", streamed)):
        difference = float(np.abs(found - alone[: len(found)]).max())
        if not difference <= TOLERANCE:
            raise TransNetError(
                f"the export is wrong: the clip model alone and {name} differ by "
                f"{difference:.2g}; accepted: {TOLERANCE:g}. Nothing was kept."
            )
    return compare(alone, expected)


def compare(found: NDArray[np.float32], expected: NDArray[np.float32]) -> Agreement:
    """How far two sets of probabilities ``(N, C)`` agree."""
    same = found.argmax(axis=1) == expected.argmax(axis=1)
    return Agreement(len(found), float(np.abs(found - expected).max()), float(same.mean()))


def read_clips(
    records: Sequence[ClipRecord], config: ClipConfig, workers: int, title: str
) -> Iterator[tuple[ClipRecord, Clip]]:
    """Decode clips in threads, in order; those that cannot be read are left out."""
    calls = [partial(read_clip, r.path, config, start=r.start, end=r.end) for r in records]
    with progress_bar(title, len(records), "clips") as bar:
        for record, result in zip(records, prefetch(calls, workers), strict=True):
            with suppress(VideoError):
                yield record, result.result()
            bar.update(1)
