"""Which clips a run is tested on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from transnet.checkpoints.clip_list import CLIPS_FILE, require_undamaged_clips
from transnet.checkpoints.run import RunInfo
from transnet.config import NO_CLASS
from transnet.data.datasets.catalog import open_dataset, resolve_dataset
from transnet.data.datasets.csv import read_csv_dataset
from transnet.data.manifest import ClipRecord, Manifest
from transnet.data.splits import leaked_share, make_split
from transnet.errors import TransNetError


@dataclass(frozen=True)
class Selection:
    """The test clips of an evaluation.

    Attributes:
        clips: the clips.
        split: name of the split that they are from.
        rule: how that split chooses them, as part of a sentence.
        siblings_in_train: share of them that share class and group with a training clip, 0..1;
            ``None`` where they are of another dataset.
    """

    clips: tuple[ClipRecord, ...]
    split: str
    rule: str
    siblings_in_train: float | None


def select_clips(run: Path, info: RunInfo, data: str | None, split: str | None) -> Selection:
    """Choose the test clips.

    Args:
        run: the run folder.
        info: its record.
        data: another dataset than the run's own.
        split: another split than the run's own.

    Raises:
        TransNetError: the clips have moved, or show a class that the run does not know.
    """
    in_place = own = data is None or resolve_dataset(data) == info.data
    if in_place and split in (None, info.split):
        clips, name, rule = _recorded_clips(run), info.split, info.split_rule
    else:
        manifest = open_dataset(data or info.data)
        own = in_place or _is_moved(run, manifest)
        if split is None and not in_place:
            clips, name, rule = manifest.clips, "all", f"all clips of {manifest.title}"
        else:
            parts = make_split(
                manifest,
                split or info.split,
                validation=info.training.validation,
                seed=info.training.seed,
            )
            clips, name, rule = parts.test, parts.name, parts.rule
    _check_classes(clips, info)
    # Only in the run's own dataset does an equal group mean an equal origin.
    leak = leaked_share(clips, _training_clips(run)) if own else None
    return Selection(clips, name, rule, leak)


def _recorded_clips(run: Path) -> tuple[ClipRecord, ...]:
    manifest = _recorded(run)
    clips = tuple(clip for clip in manifest.clips if manifest.splits["column"][clip] == "test")
    if clips and not any(clip.path.exists() for clip in clips):
        raise TransNetError(
            f"the test clips of {run} are not where they were (first: {clips[0].path}); "
            "name their new place with --data and --split."
        )
    return clips


def _training_clips(run: Path) -> list[ClipRecord]:
    manifest = _recorded(run)
    part = manifest.splits["column"]
    return [clip for clip in manifest.clips if part[clip] in ("train", "validation")]


def _is_moved(run: Path, manifest: Manifest) -> bool:
    """Whether a dataset has all classes and groups of the run's own: the same, in a new place."""
    before, now = (
        {(clip.label, clip.group) for clip in clips}
        for clips in (_recorded(run).clips, manifest.clips)
    )
    return before <= now


def _check_classes(clips: Sequence[ClipRecord], info: RunInfo) -> None:
    classes = (*info.classes, NO_CLASS) if info.several_labels else info.outputs
    shown = {label for clip in clips for label in clip.labels}
    if not info.several_labels:
        shown = {clip.label for clip in clips}
        several = next((clip.label for clip in clips if len(clip.labels) > 1), "")
        if several not in ("", *classes):
            raise TransNetError(
                f"test clips have several labels at once ({several}), but the run answers one for "
                "each clip; accepted: clips with one label, or a run that was trained on clips "
                "with several."
            )
    unknown = sorted(shown - set(classes))
    if unknown:
        raise TransNetError(
            f"test clips show {', '.join(unknown)}, which the run does not know; "
            f"it knows: {', '.join(classes)}."
        )


def _recorded(run: Path) -> Manifest:
    """``clips.csv`` of a run as a dataset."""
    require_undamaged_clips(run)
    return read_csv_dataset(run / CLIPS_FILE)
