"""``transnet check``: which clips of a dataset are broken, and which look wrong."""

from __future__ import annotations

import csv
import json as jsonlib
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from transnet.data.datasets.catalog import open_dataset
from transnet.data.manifest import ClipRecord
from transnet.data.quality import Finding, inspect_clips
from transnet.data.sampling import uniform_indices
from transnet.data.video.footage import read_footage
from transnet.data.video.frames import FrameConverter
from transnet.errors import TransNetError
from transnet.reports.page import render
from transnet.utils.progress import say

MAX_PICTURED = 60
MAX_SHOWN = 10


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
        TransNetError: there is no such dataset, or the folder cannot be written.
    """
    manifest = open_dataset(data)
    for line in (manifest.summary(), *manifest.notes):
        say(line)
    findings = inspect_clips(manifest.clips, workers or os.cpu_count() or 1)
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
    convert = FrameConverter()
    return [convert(frame) for frame in footage.frames]


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
