"""How test clips were chosen, and how far a score on them can be trusted."""

from __future__ import annotations

from dataclasses import dataclass, replace

from transnet.data.views import SpatialViews
from transnet.evaluation.selection import Selection

_MAX_LEAK = 0.01
_SPATIAL = {
    "center": "the center crop",
    "flip": "the center crop and its mirror image",
    "three-crops": "three crops",
}


@dataclass(frozen=True)
class ViewCounts:
    """The views of each clip whose probabilities are averaged.

    Attributes:
        temporal: samples over time.
        spatial: crops of each sample.
    """

    temporal: int
    spatial: SpatialViews


@dataclass(frozen=True)
class EvaluationProtocol:
    """How the test clips were chosen.

    Attributes:
        name: kind of split, ``official``.
        split: the split, ``official:1``.
        siblings_in_train: share of the test clips that share class and group with a training
            clip, 0..1; ``None`` where the test clips are of another dataset, whose groups say
            nothing about those of the training.
        trained_clips_in_test: test clips that the run was trained on.
        sentence: all of this in words.
    """

    name: str
    split: str
    siblings_in_train: float | None
    trained_clips_in_test: int
    sentence: str

    @property
    def leaks(self) -> bool:
        """Whether more than 1 % of the test clips share class and group with a training clip."""
        return (self.siblings_in_train or 0) > _MAX_LEAK


def describe_protocol(
    selection: Selection, views: ViewCounts, *, num_trained: int, num_broken: int
) -> EvaluationProtocol:
    """Record how the test clips were chosen, in words too.

    Args:
        selection: the test clips.
        views: the views of each clip.
        num_trained: test clips that the run was trained on.
        num_broken: test clips that cannot be read.
    """
    leak = selection.siblings_in_train
    protocol = EvaluationProtocol(
        selection.split.partition(":")[0], selection.split, leak, num_trained, sentence=""
    )
    parts = [f"Tested on {len(selection.clips)} clips chosen by {selection.rule}; {_leak(leak)}."]
    if protocol.leaks:
        parts.append("So part of this score is memory, not recognition.")
    if views != ViewCounts(1, "center"):
        parts.append(
            f"Scores are averaged over {views.temporal} samples of each video, "
            f"{_SPATIAL[views.spatial]} each."
        )
    if num_broken:
        parts.append(f"{num_broken} could not be read and count as wrong.")
    if num_trained:
        parts.append(f"{num_trained} of them were themselves trained on.")
    return replace(protocol, sentence=" ".join(parts))


def _leak(siblings_in_train: float | None) -> str:
    if siblings_in_train is None:
        return (
            "they are from another dataset than the training clips, so it is unknown how many of "
            "them show a person or a video of the training"
        )
    return f"{siblings_in_train:.1%} of them share class and group with a training clip"
