"""Whether an exported model agrees with the run that it was made from, on real clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from transnet.data.video.frames import Pixels
from transnet.deploy.runtime import ExportedRecognizer
from transnet.deploy.window import Window
from transnet.errors import TransNetError
from transnet.inference.recognizer import Recognizer
from transnet.model.novelty import describe_clips

TOLERANCE = 1e-4
"""Largest accepted difference of a probability between a float32 export and torch."""

INT8_TOLERANCE = 0.02
"""The same between two models of an int8 export. A runtime fuses the layers of each in its own way,
and a number between two steps of int8 then rounds to one or the other."""


@dataclass(frozen=True)
class Agreement:
    """The agreement of two recognizers.

    Attributes:
        num_clips: number of clips.
        max_difference: the largest difference of a probability, 0..1.
        top1_agreement: share of clips with the same best class, 0..1.
        max_distance_difference: the largest difference of a distance to the training clips, 0..2;
            0 where nothing is told unknown.
    """

    num_clips: int
    max_difference: float
    top1_agreement: float
    max_distance_difference: float = 0.0

    def __str__(self) -> str:
        return (
            f"largest difference of a probability {self.max_difference:.2g}, same best class on "
            f"{self.top1_agreement:.1%} of {self.num_clips} clips"
        )


class Answers(NamedTuple):
    """What a recognizer makes of clips.

    Attributes:
        scores: probabilities ``(N, C)``.
        distances: to the nearest training clip, ``(N,)``, if it tells what is unknown.
    """

    scores: NDArray[np.float32]
    distances: NDArray[np.float32] | None


@torch.inference_mode()
def answers_of_run(recognizer: Recognizer, clips: Sequence[Pixels]) -> Answers:
    """The run's answers to clips, each uint8 ``(T, H, W, 3)``."""
    encoded = [recognizer.model.encode_cues(recognizer.normalized(clip)[None]) for clip in clips]
    logits = torch.cat([recognizer.model.classify(*each) for each in encoded])
    novelty, distances = recognizer.novelty, None
    if novelty is not None:
        found = [novelty.distances(describe_clips(each)) for each in encoded]
        distances = torch.cat(found).cpu().numpy()
    return Answers(recognizer.model.scoring.probabilities(logits).cpu().numpy(), distances)


def verify(exported: ExportedRecognizer, clips: Sequence[Pixels], expected: Answers) -> Agreement:
    """Compare an export with torch on the same clips.

    The clip model is run on single clips and on a batch; the models for streams are run too.

    Args:
        exported: the exported models.
        clips: frames uint8 ``(T, size, size, 3)`` of each clip.
        expected: torch's answers.

    Raises:
        TransNetError: the models of the export disagree with each other.
    """
    alone = joined([whole(exported, clip[None]) for clip in clips])
    batch = whole(exported, np.stack(clips[:2]))
    streamed = joined([_streamed(exported, clip) for clip in clips])
    accepted = INT8_TOLERANCE if exported.info.precision == "int8" else TOLERANCE
    for name, found in (("on a batch", batch), ("in the models for streams", streamed)):
        difference = max(map(_largest, found, alone))
        if not difference <= accepted:
            raise TransNetError(
                f"the export is wrong: its answers {name} differ by {difference:.2g} from those "
                f"of single clips; accepted: {accepted:g}. Nothing was written."
            )
    return replace(
        compare(alone.scores, expected.scores),
        max_distance_difference=_largest(alone.distances, expected.distances),
    )


def whole(exported: ExportedRecognizer, clips: Pixels) -> Answers:
    """The answers to clips, uint8 ``(B, T, size, size, 3)``, by the model of clips."""
    can_tell = exported.info.threshold is not None
    return Answers(exported.scores(clips), exported.distances(clips) if can_tell else None)


def _streamed(exported: ExportedRecognizer, clip: Pixels) -> Answers:
    """The answers to a clip by the models for streams, frame by frame."""
    window = Window(exported, with_distance=True)
    scores = [window.push(frame) for frame in clip][-1]
    assert scores is not None, "a clip has as many frames as a window"
    distance = None if scores.distance is None else np.array([scores.distance], np.float32)
    return Answers(scores.probabilities[None], distance)


def joined(answers: Sequence[Answers]) -> Answers:
    """Several answers as one."""
    scores = np.concatenate([each.scores for each in answers])
    distances = [each.distances for each in answers if each.distances is not None]
    return Answers(scores, np.concatenate(distances) if distances else None)


def _largest(found: NDArray[np.float32] | None, expected: NDArray[np.float32] | None) -> float:
    """The largest difference from the first of those expected; 0 if there is nothing to compare."""
    if found is None or expected is None:
        return 0.0
    return float(np.abs(found - expected[: len(found)]).max())


def compare(found: NDArray[np.float32], expected: NDArray[np.float32]) -> Agreement:
    """The agreement of two sets of probabilities ``(N, C)``."""
    same = found.argmax(axis=1) == expected.argmax(axis=1)
    return Agreement(len(found), float(np.abs(found - expected).max()), float(same.mean()))
