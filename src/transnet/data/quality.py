"""Which clips of a dataset are broken, and which look wrong."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from transnet.data.manifest import ClipRecord
from transnet.data.sampling import uniform_indices
from transnet.data.video.reader import read_footage
from transnet.errors import VideoError
from transnet.utils.progress import progress_bar
from transnet.utils.threads import prefetch

Status = Literal["broken", "suspicious", "fine"]

FRAMES_LOOKED_AT = 12
SMALL = 32
BLACK = 12  # mean brightness, 0..255
BLANK = 2  # standard deviation of brightness
STILL = 4  # largest change of brightness


@dataclass(frozen=True)
class Finding:
    """What is known of a clip once it was decoded.

    Attributes:
        clip: the clip.
        status: whether it can be used.
        reason: why not, or why perhaps not.
        num_frames: frames in it.
        seconds: from the first frame to the last.
        content: a hash of what it shows.
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


def check_clips(clips: Sequence[ClipRecord], workers: int) -> list[Finding]:
    """Decode clips from beginning to end, several at a time, with progress.

    Args:
        clips: the clips.
        workers: how many at a time.

    Returns:
        A finding for each clip, in their order.
    """
    looks = (partial(_look, clip) for clip in clips)
    findings = []
    with progress_bar("checking the clips", len(clips), "clips") as bar:
        for result in prefetch(looks, workers):
            findings.append(result.result())
            bar.update(1)
    return _with_duplicates(findings)


def _look(clip: ClipRecord) -> Finding:
    def choose(times_s: NDArray[np.float64]) -> NDArray[np.int64]:
        return uniform_indices(len(times_s), FRAMES_LOOKED_AT)

    try:
        footage = read_footage(clip.path, choose, start=clip.start, end=clip.end, min_frames=1)
        small = VideoReformatter()
        pictures = np.stack(
            [small.reformat(f, SMALL, SMALL, "gray").to_ndarray() for f in footage.frames]
        )
    except VideoError as error:
        return Finding(clip, "broken", error.reason)
    times = footage.times_s
    seconds = float(times[-1] - times[0])
    reason = _suspicion(pictures, len(times), seconds)
    content = hashlib.blake2b(pictures.tobytes(), digest_size=16).hexdigest()
    status: Status = "suspicious" if reason else "fine"
    return Finding(clip, status, reason, len(times), seconds, content)


def _suspicion(pictures: NDArray[Any], num_frames: int, seconds: float) -> str:
    if num_frames == 1:
        return "holds a single frame; an action needs two or more, so training leaves it out."
    if seconds == 0:
        return f"lasts no time: its {num_frames} frames are all shown at once."
    if pictures.mean(axis=(1, 2)).max() < BLACK:
        return "is black."
    if pictures.std(axis=(1, 2)).max() < BLANK:
        return "is blank: every frame is of one color."
    if np.abs(pictures.astype(int) - pictures[0]).max() <= STILL:
        return "stands still: all of its frames show the same."
    return ""


def _with_duplicates(findings: Sequence[Finding]) -> list[Finding]:
    """The first of several equal clips is fine, unless another one has another label."""
    equal: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.status == "fine":
            equal[finding.content].append(finding)
    checked = []
    for finding in findings:
        first, *others = equal.get(finding.content) or [finding]
        stranger = next((f for f in (first, *others) if f.clip.label != finding.clip.label), None)
        if finding.status == "fine" and stranger:
            reason = f"shows the same as {stranger.clip.path}, labeled {stranger.clip.label}."
            finding = replace(finding, status="suspicious", reason=reason)
        elif finding.status == "fine" and finding is not first:
            reason = f"shows the same as {first.clip.path}."
            finding = replace(finding, status="suspicious", reason=reason)
        checked.append(finding)
    return checked
