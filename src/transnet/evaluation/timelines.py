"""Timelines of the test videos, measured against their annotated segments."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from transnet.config import NO_CLASS, Device, StreamConfig
from transnet.data.annotations.seconds import frame_times
from transnet.data.manifest import ClipRecord
from transnet.errors import TransNetError, VideoError
from transnet.evaluation.selection import select_clips
from transnet.evaluation.timeline_map import LabeledStretch, timeline_map
from transnet.inference.recognizer import Recognizer, load
from transnet.inference.timeline import find_segments
from transnet.utils.files import written_whole
from transnet.utils.progress import say

FILE = "timelines.json"
_TOUCHING_S = 0.001  # annotation files round to milliseconds


@dataclass(frozen=True)
class TimelineQuality:
    """Quality of the timelines of test videos.

    Attributes:
        map_at_iou: mean average precision, 0..1, at each temporal IoU.
        num_videos: number of videos.
        num_segments: number of annotated segments in them.
        failed: what is wrong with each video without a timeline; its segments count as not found.
    """

    map_at_iou: dict[str, float]
    num_videos: int
    num_segments: int
    failed: tuple[str, ...]

    @property
    def mean(self) -> float:
        """Mean over the thresholds, 0..1."""
        return float(np.mean(list(self.map_at_iou.values())))

    def to_dict(self) -> dict[str, Any]:
        """The content of ``timelines.json``."""
        return {**vars(self), "mean": self.mean}


def evaluate_timelines(
    run: Path, *, data: str | None, split: str | None, device: Device
) -> TimelineQuality:
    """Measure the timelines of a run's test videos, and write ``timelines.json``.

    Raises:
        TransNetError: the test clips are whole videos, without segments.
    """
    recognizer = load(run, device=device)
    quality = measure_timelines(recognizer, select_clips(run, recognizer.info, data, split).clips)
    with written_whole(run / FILE) as path:
        path.write_text(json.dumps(quality.to_dict(), indent=2) + "\n", encoding="utf-8")
    shown = ", ".join(f"{iou}: {value:.1%}" for iou, value in quality.map_at_iou.items())
    say(
        f"timelines of {quality.num_videos} videos with {quality.num_segments} segments: mAP "
        f"{quality.mean:.1%} (at temporal IoU {shown})\nsaved to {run / FILE}"
    )
    return quality


def measure_timelines(
    recognizer: Recognizer, clips: Sequence[ClipRecord], config: StreamConfig = StreamConfig()
) -> TimelineQuality:
    """Find the segments of each video of the clips, and compare them with the clips.

    Args:
        recognizer: the recognizer.
        clips: annotated segments; every segment of a video must be among them.
        config: how long videos are classified.

    Raises:
        TransNetError: no clip is a segment of a video.
    """
    of_video: dict[Path, list[ClipRecord]] = defaultdict(list)
    for clip in clips:
        if (clip.start is not None or clip.end is not None) and clip.label != NO_CLASS:
            of_video[clip.path].append(clip)
    if not of_video:
        raise TransNetError(
            "--timeline needs test videos with annotated segments (start and end); the test clips "
            "are whole videos."
        )
    annotated: list[LabeledStretch] = []
    found: list[LabeledStretch] = []
    failed = []
    with recognizer.accelerated():
        for video, segments in of_video.items():
            try:
                times_s = frame_times(video)
                annotated += [one for clip in segments for one in _stretches(clip, times_s)]
                found += [
                    LabeledStretch(str(video), one.label, one.start_s, one.end_s, one.score)
                    for one in find_segments(recognizer, video, config).known()
                ]
            except VideoError as error:
                failed.append(str(error))
    if recognizer.thresholds:
        annotated = _merged(annotated)
    means = timeline_map(found, annotated)
    return TimelineQuality(
        {f"{iou:.1f}": value for iou, value in means.items()},
        len(of_video),
        len(annotated),
        tuple(failed),
    )


def _stretches(clip: ClipRecord, times_s: np.ndarray[Any, Any]) -> list[LabeledStretch]:
    """An annotated segment in seconds, once for each of its labels.

    It ends where the frame after its last one begins.
    """
    if not len(times_s):
        raise VideoError(clip.path, "states no times.")
    last = len(times_s) - 1
    end = last if clip.end is None else min(clip.end, last)
    start_s, end_s = float(times_s[min(clip.start or 0, last)]), float(times_s[end])
    return [LabeledStretch(str(clip.path), label, start_s, end_s) for label in clip.labels]


def _merged(stretches: Sequence[LabeledStretch]) -> list[LabeledStretch]:
    """The stretches of each class, joined where one goes on in the next with other labels."""
    found: list[LabeledStretch] = []
    for one in sorted(stretches, key=lambda each: (each.video, each.label, each.start_s)):
        before = found[-1] if found else one
        alike = (before.video, before.label) == (one.video, one.label)
        if found and alike and one.start_s <= before.end_s + _TOUCHING_S:
            found[-1] = replace(before, end_s=max(before.end_s, one.end_s))
        else:
            found.append(one)
    return found
