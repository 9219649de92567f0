"""The accuracy that int8 costs, measured on all test clips."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transnet.config import NO_CLASS
from transnet.deploy.clips import RunClips
from transnet.deploy.runtime import ExportedRecognizer
from transnet.deploy.verification import compare, joined, whole
from transnet.errors import TransNetError
from transnet.inference.base import Scored
from transnet.inference.prediction import UNKNOWN
from transnet.utils.progress import say


def int8_cost(
    float32: ExportedRecognizer, int8: ExportedRecognizer, clips: RunClips, max_loss: float
) -> dict[str, Any]:
    """Compare the top-1 accuracy of int8 with that of float32.

    With several labels at once, top-1 is the share of the clips that have all labels right.

    Args:
        float32: the models in float32.
        int8: the same models in int8.
        clips: the clips of the run.
        max_loss: accepted loss of top-1, 0..1. One clip is always accepted.

    Returns:
        JSON values: ``top1_float32``, ``top1_int8``, ``top1_loss``, ``num_clips``, the agreement
        ``against_float32`` and, if they can tell, ``unknown_float32`` and ``unknown_int8``: the
        share of the clips that is called unknown.

    Raises:
        TransNetError: the loss is larger, or no clip can be measured.
    """
    known = {*float32.info.outputs, NO_CLASS}
    labels, before, after = [], [], []
    for record, clip in clips.readable(clips.measured, "measuring int8"):
        if known.issuperset(record.labels):
            labels.append(UNKNOWN if record.label == NO_CLASS else record.label)
            before.append(whole(float32, clip.frames[None]))
            after.append(whole(int8, clip.frames[None]))
    if not labels:
        first = clips.measured[0]
        raise TransNetError(
            f"none of the {len(clips.measured)} clips to measure int8 on can be read and has a "
            f"class of the run (first: {first.path}, labeled {first.label}); name a dataset of its "
            "classes with --data, or export without --int8."
        )
    (reference, distances), (quantized, int8_distances) = joined(before), joined(after)
    right = labels
    top1_float32, top1_int8 = (
        sum(_answer(float32, row) == label for row, label in zip(scores, right, strict=True))
        / len(right)
        for scores in (reference, quantized)
    )
    agreement = compare(quantized, reference)
    loss = top1_float32 - top1_int8
    summary = f"top-1 {top1_float32:.1%} in float32, {top1_int8:.1%} in int8"
    if loss * len(right) > max(1, max_loss * len(right)) + 1e-6:
        raise TransNetError(
            f"int8 loses too much accuracy: {summary} on {len(right)} clips; accepted: a loss of "
            f"{max_loss:.1%} (--max-loss). Nothing was written. Export without --int8, or train "
            "with another backbone."
        )
    say(f"int8 against float32: {summary}; {agreement}")
    return {
        "top1_float32": top1_float32,
        "top1_int8": top1_int8,
        "top1_loss": loss,
        "num_clips": len(right),
        "against_float32": asdict(agreement),
        **_called_unknown(float32.info.threshold, distances, int8_distances),
    }


def _answer(exported: ExportedRecognizer, probabilities: NDArray[np.float32]) -> str:
    return exported.prediction("", Scored(probabilities.tolist()), 0.0, 0.0).label


def _called_unknown(
    threshold: float | None,
    float32: NDArray[np.float32] | None,
    int8: NDArray[np.float32] | None,
) -> dict[str, float]:
    if threshold is None or float32 is None or int8 is None:
        return {}
    before, after = (float((distances > threshold).mean()) for distances in (float32, int8))
    say(f"called unknown: {before:.1%} in float32, {after:.1%} in int8")
    return {"unknown_float32": before, "unknown_int8": after}
