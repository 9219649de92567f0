"""``novelty.safetensors`` of a run: what tells clips that are unlike the training clips."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from transnet.checkpoints.hub_files import is_hub_address, local_folder
from transnet.config import Unknown
from transnet.errors import TransNetError
from transnet.model.novelty import NoveltyDetector
from transnet.utils.files import written_whole

NAME = "novelty.safetensors"


def save_novelty(run: Path, detector: NoveltyDetector) -> None:
    """Write ``novelty.safetensors``."""
    values = {
        "references": detector.references.half().contiguous(),
        "labels": detector.labels.contiguous(),
        "threshold": torch.tensor([detector.threshold], dtype=torch.float64),
    }
    with written_whole(run / NAME) as path:
        save_file(values, path)


def load_novelty(run: Path | str) -> NoveltyDetector | None:
    """Read ``novelty.safetensors``; ``None`` if the run has none.

    Raises:
        TransNetError: the file is damaged.
    """
    path = local_folder(run) / NAME
    if not path.is_file():
        return None
    try:
        values = load_file(path)
        threshold = float(values["threshold"][0])
        return NoveltyDetector(values["references"].float(), values["labels"], threshold)
    except (OSError, SafetensorError, KeyError, IndexError) as error:
        raise TransNetError(
            f"{path} is damaged ({error}); restore it, or predict with --unknown off."
        ) from error


def unknown_pays(run: Path | str) -> bool:
    """Whether the last evaluation of a run has shown that telling unknown clips pays."""
    try:
        metrics = json.loads((local_folder(run) / "metrics.json").read_text("utf-8"))
        return bool(metrics["unknown"]["pays"])
    except (OSError, ValueError, KeyError, TypeError):  # not evaluated, or by an older version
        return False


def choose_novelty(run: Path | str, unknown: Unknown) -> NoveltyDetector | None:
    """What tells the clips that are unlike the training clips; ``None`` if nothing is to.

    Args:
        run: the run.
        unknown: ``auto``: if the last evaluation has shown that it pays; ``on``; ``off``.

    Raises:
        TransNetError: ``unknown`` is none of them, it is ``on`` and the run cannot tell, or the
            file is damaged.
    """
    if unknown not in get_args(Unknown):
        raise TransNetError(f"unknown is {unknown!r}; accepted: {', '.join(get_args(Unknown))}.")
    if unknown == "off" or (unknown == "auto" and not unknown_pays(run)):
        return None
    detector = load_novelty(run)
    if detector is None and unknown == "on":
        raise TransNetError(f"unknown is 'on', but {why_none(run)}; accepted: auto, off.")
    return detector


def why_none(run: Path | str) -> str:
    """Why a run has no ``novelty.safetensors``, as part of a sentence."""
    reason = (
        "its backbone was trained, its clips have one group or several labels at once, an older "
        "version made it, or it was downloaded"
    )
    if is_hub_address(run):
        reason = "it consists of features of the training clips, which are not published"
    return f"{run} has no {NAME}: {reason}"
