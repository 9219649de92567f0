"""Whether an exported model agrees with the run that it was made from, on real clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from transnet.data.video.frames import Pixels
from transnet.deploy.runtime import ExportedRecognizer
from transnet.errors import TransNetError
from transnet.inference.recognizer import Recognizer

TOLERANCE = 1e-4
"""Largest accepted difference of a probability between a float32 export and torch."""


@dataclass(frozen=True)
class Agreement:
    """The agreement of two recognizers.

    Attributes:
        num_clips: number of clips.
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


@torch.inference_mode()
def run_scores(recognizer: Recognizer, clips: Sequence[Pixels]) -> NDArray[np.float32]:
    """The run's probabilities ``(N, C)`` of clips, each uint8 ``(T, H, W, 3)``."""
    logits = [recognizer.model(recognizer.normalized(clip)[None]) for clip in clips]
    scores: NDArray[np.float32] = torch.cat(logits).softmax(dim=1).cpu().numpy()
    return scores


def verify(
    exported: ExportedRecognizer, clips: Sequence[Pixels], expected: NDArray[np.float32]
) -> Agreement:
    """Compare an export with torch on the same clips.

    The clip model is run on single clips and on a batch; the models for streams are run too.

    Args:
        exported: the exported models.
        clips: frames uint8 ``(T, size, size, 3)`` of each clip.
        expected: torch's probabilities ``(N, C)``.

    Raises:
        TransNetError: the models of the export disagree with each other.
    """
    alone = np.concatenate([exported.scores(clip[None]) for clip in clips])
    batch = exported.scores(np.stack(clips[:2]))
    streamed = np.concatenate([_streamed(exported, clip) for clip in clips])
    for name, found in (("on a batch", batch), ("in the models for streams", streamed)):
        difference = float(np.abs(found - alone[: len(found)]).max())
        if not difference <= TOLERANCE:
            raise TransNetError(
                f"the export is wrong: probabilities {name} differ by {difference:.2g} from those "
                f"of single clips; accepted: {TOLERANCE:g}. Nothing was written."
            )
    return compare(alone, expected)


def _streamed(exported: ExportedRecognizer, clip: Pixels) -> NDArray[np.float32]:
    """The probabilities ``(1, C)`` of a clip by the models for streams."""
    features, maps = exported.encode_with_maps(clip)
    pairs = None if maps is None else exported.motion(maps[:-1], maps[1:])[None]
    return exported.classify(features[None], pairs)


def compare(found: NDArray[np.float32], expected: NDArray[np.float32]) -> Agreement:
    """The agreement of two sets of probabilities ``(N, C)``."""
    same = found.argmax(axis=1) == expected.argmax(axis=1)
    return Agreement(len(found), float(np.abs(found - expected).max()), float(same.mean()))
