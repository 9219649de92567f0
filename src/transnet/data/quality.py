"""Which clips of a dataset are broken, and which are suspicious."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from transnet.data.manifest import ClipRecord
from transnet.data.sampling import Indices, uniform_indices
from transnet.data.video.footage import read_samples
from transnet.data.video.isolation import Isolation
from transnet.errors import FileError
from transnet.utils.reading import read_many

Status = Literal["broken", "suspicious", "fine"]

SAMPLED_FRAMES = 12
SIDE = 32  # pixels of a sampled frame
BLACK = 12  # mean brightness, 0..255
BLANK = 2  # standard deviation of brightness
STILL = 4  # largest change of brightness


@dataclass(frozen=True)
class Finding:
    """Result of the inspection of a clip.

    Attributes:
        clip: the clip.
        status: whether it can be used.
        reason: why it is broken or suspicious.
        num_frames: number of frames.
        seconds: time from the first to the last frame.
        content: a hash of its sampled frames.
    """

    clip: ClipRecord
    status: Status
    reason: str = ""
    num_frames: int = 0
    seconds: float = 0.0
    content: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The finding as JSON values."""
        return {
            "path": str(self.clip.path),
            "label": self.clip.label,
            "start": self.clip.start,
            "end": self.clip.end,
            "status": self.status,
            "reason": self.reason,
            "num_frames": self.num_frames,
            "seconds": self.seconds,
        }


def inspect_clips(
    clips: Sequence[ClipRecord], workers: int, isolation: Isolation | None = None
) -> list[Finding]:
    """Decode clips from beginning to end, with a progress bar.

    Args:
        clips: the clips.
        workers: clips decoded at a time.
        isolation: decode in child processes with limits; in this process if not given.

    Returns:
        A finding for each clip, in their order.
    """
    inspect = _inspect if isolation is None else partial(_inspect_in_child, isolation)
    results = read_many(clips, inspect, workers=workers, title="checking clips")
    return _with_duplicates(
        [
            Finding(clip, "broken", result.reason) if isinstance(result, FileError) else result
            for clip, result in results
        ]
    )


def _inspect(clip: ClipRecord) -> Finding:
    def choose(times_s: NDArray[np.float64]) -> Indices:
        return uniform_indices(len(times_s), SAMPLED_FRAMES)

    scaler = VideoReformatter()

    def small(frame: av.VideoFrame, _: float) -> NDArray[np.uint8]:
        gray = scaler.reformat(frame, SIDE, SIDE, "gray")
        return gray.to_ndarray().astype(np.uint8, copy=False)

    found = read_samples(clip.path, [(choose, small)], start=clip.start, end=clip.end, min_frames=1)
    frames, times = np.stack(found.samples[0].frames), found.times_s
    seconds = float(times[-1] - times[0])
    reason = _suspicion(frames, len(times), seconds)
    content = hashlib.blake2b(frames.tobytes(), digest_size=16).hexdigest()
    status: Status = "suspicious" if reason else "fine"
    return Finding(clip, status, reason, len(times), seconds, content)


def _inspect_in_child(isolation: Isolation, clip: ClipRecord) -> Finding:
    request = {"start": clip.start, "end": clip.end}
    found, _ = isolation.call(clip.path, send_finding, request)
    return Finding(clip, **found)


def send_finding(path: str, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """The inspection of a clip that runs in a child process."""
    finding = _inspect(ClipRecord(Path(path), "", "", request["start"], request["end"]))
    names = ("status", "reason", "num_frames", "seconds", "content")
    return {name: getattr(finding, name) for name in names}, b""


def _suspicion(frames: NDArray[Any], num_frames: int, seconds: float) -> str:
    if num_frames == 1:
        return "holds a single frame; an action needs two or more, so training leaves it out."
    if seconds == 0:
        return f"has no duration: its {num_frames} frames have the same time."
    if frames.mean(axis=(1, 2)).max() < BLACK:
        return "is black."
    if frames.std(axis=(1, 2)).max() < BLANK:
        return "is blank: each frame is of one color."
    if np.abs(frames.astype(int) - frames[0]).max() <= STILL:
        return "is a still: all of its frames are the same."
    return ""


def _with_duplicates(findings: Sequence[Finding]) -> list[Finding]:
    """Mark clips that repeat an earlier one, and equal clips with different labels."""
    equal: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.status == "fine":
            equal[finding.content].append(finding)
    checked = []
    for finding in findings:
        first, *others = equal.get(finding.content) or [finding]
        other = next((f for f in (first, *others) if f.clip.label != finding.clip.label), None)
        if finding.status == "fine" and other:
            reason = f"shows the same as {other.clip.path}, labeled {other.clip.label}."
            finding = replace(finding, status="suspicious", reason=reason)
        elif finding.status == "fine" and finding is not first:
            reason = f"shows the same as {first.clip.path}."
            finding = replace(finding, status="suspicious", reason=reason)
        checked.append(finding)
    return checked
