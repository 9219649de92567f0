"""``transnet check``: which clips of a data set are broken, and which look wrong."""

from __future__ import annotations

import csv
import hashlib
import json as jsonlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from transnet.data.datasets import open_dataset
from transnet.data.manifest import ClipRecord
from transnet.data.prefetch import prefetch
from transnet.data.sampling import uniform_indices
from transnet.data.video import read_footage, upright
from transnet.errors import TransNetError, VideoError
from transnet.page import render
from transnet.progress import progress_bar, say

Status = Literal["broken", "suspicious", "fine"]

FRAMES_LOOKED_AT = 12
SMALL = 32
BLACK = 12  # mean brightness, 0..255
BLANK = 2  # standard deviation of brightness
STILL = 4  # largest change of brightness
MAX_PICTURED = 60
MAX_SHOWN = 10


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


def check(data: str, *, out: str = "runs/check", json: bool = False, workers: int = 0) -> int:
    """Decode every clip and list those that are broken or look wrong.

    Args:
        data: a folder of class folders, a CSV file, kth:DIR, ucf101:DIR or hmdb51:DIR
        out: folder for report.html and exclude.csv, which train --exclude takes
        json: print one JSON object a line for each clip
        workers: clips decoded at a time; 0: one for each core

    Returns:
        1 if any clip is broken, else 0.

    Raises:
        TransNetError: there is no such data set, or the folder cannot be written.
    """
    manifest = open_dataset(data)
    for line in (manifest.summary(), *manifest.notes):
        say(line)
    findings = check_clips(manifest.clips, workers or os.cpu_count() or 1)
    folder = Path(out).expanduser()
    doubtful = [finding for finding in findings if finding.status != "fine"]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_exclusions(folder / "exclude.csv", doubtful)
        page = render(
            "check.html.j2",
            name=manifest.name,
            notes=manifest.notes,
            counts=_counts(findings),
            doubtful=[(f, _pictures(f.clip) if f.status != "broken" else []) for f in
                      doubtful[:MAX_PICTURED]],
            num_doubtful=len(doubtful),
            seconds=sorted(f.seconds for f in findings if f.status != "broken"),
        )  # fmt: skip
        (folder / "report.html").write_text(page, encoding="utf-8")
    except OSError as error:
        raise TransNetError(f"--out is {out!r}, which cannot be written ({error}).") from error
    if json:
        for finding in findings:
            print(jsonlib.dumps(finding.to_dict()))
    say(_closing(findings, doubtful, folder, data))
    return int(any(finding.status == "broken" for finding in findings))


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
        return "is blank: every frame is of one colour."
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
            reason = f"shows the same as {stranger.clip.path}, labelled {stranger.clip.label}."
            finding = replace(finding, status="suspicious", reason=reason)
        elif finding.status == "fine" and finding is not first:
            reason = f"shows the same as {first.clip.path}."
            finding = replace(finding, status="suspicious", reason=reason)
        checked.append(finding)
    return checked


def _write_exclusions(path: Path, doubtful: Iterable[Finding]) -> None:
    with open(path, "w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["path", "label", "start", "end", "status", "reason"])
        for finding in doubtful:
            clip = finding.clip
            limits = ["" if frame is None else frame for frame in (clip.start, clip.end)]
            where = [os.path.abspath(clip.path), clip.label, *limits]
            rows.writerow([*where, finding.status, finding.reason])


def _pictures(clip: ClipRecord) -> list[NDArray[np.uint8]]:
    """Three frames of a clip, upright RGB."""
    footage = read_footage(
        clip.path, lambda times_s: uniform_indices(len(times_s), 3),
        start=clip.start, end=clip.end, min_frames=1,
    )  # fmt: skip
    return [
        upright(frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False), footage.rotation)
        for frame in footage.frames
    ]


def _counts(findings: Sequence[Finding]) -> dict[str, int]:
    counts = Counter(finding.status for finding in findings)
    return {status: counts[status] for status in ("fine", "suspicious", "broken")}


def _closing(
    findings: Sequence[Finding], doubtful: Sequence[Finding], folder: Path, data: str
) -> str:
    lines = [f"  {f.status}: {f.clip.path} {f.reason}" for f in doubtful[:MAX_SHOWN]]
    if len(doubtful) > MAX_SHOWN:
        lines.append(f"  and {len(doubtful) - MAX_SHOWN} more")
    counts = ", ".join(f"{count} {status}" for status, count in _counts(findings).items())
    lines.append(f"{len(findings)} clips: {counts}")
    lines.append(f"saved to {folder / 'report.html'} and {folder / 'exclude.csv'}")
    if doubtful:
        lines.append(f"next: transnet train {data} --exclude {folder / 'exclude.csv'} --out RUN")
    return "\n".join(lines)
