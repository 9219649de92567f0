"""``transnet check``: which clips of a dataset are broken or suspicious."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from transnet.commands.output import print_json
from transnet.errors import TransNetError
from transnet.utils.progress import say

if TYPE_CHECKING:
    from transnet.data.manifest import ClipRecord, Manifest
    from transnet.data.quality import Finding
    from transnet.data.video.frames import Pixels

MAX_PICTURED = 60
MAX_SHOWN = 10


def check(
    data: str,
    *,
    out: str | None = None,
    json: bool = False,
    workers: int = 0,
    isolate: bool = False,
) -> int:
    """Decode every clip of a dataset and list those that are broken or suspicious.

    Args:
        data: a folder of class folders, a CSV file, kth:DIR, ucf101:DIR or hmdb51:DIR
        out: folder for report.html and exclude.csv, the input of train --exclude; by default
            runs/check/NAME, by the name of the dataset
        json: print one JSON object per clip
        workers: clips to decode in parallel; 0: one per core
        isolate: decode in child processes with limits of memory and time, for files of strangers

    Returns:
        1 if a clip is broken, else 0.

    Raises:
        TransNetError: there is no such dataset, or the folder cannot be written or holds the
            report of another dataset.
    """
    from transnet.data.datasets.catalog import open_dataset, resolve_dataset
    from transnet.data.quality import inspect_clips
    from transnet.data.video.isolation import Isolation
    from transnet.reports.report_folder import report_folder

    manifest = open_dataset(data)
    for line in (manifest.summary(), *manifest.notes):
        say(line)
    dataset = resolve_dataset(data)
    folder = report_folder(out, "runs/check", dataset, manifest.name)
    with Isolation() as isolation:
        findings = inspect_clips(
            manifest.clips, workers or os.cpu_count() or 1, isolation if isolate else None
        )
    doubtful = [finding for finding in findings if finding.status != "fine"]
    try:
        _write_exclusions(folder / "exclude.csv", doubtful)
        _write_report(folder / "report.html", dataset, manifest, findings, doubtful)
    except OSError as error:
        raise TransNetError(
            f"--out is {str(folder)!r}, which cannot be written ({error})."
        ) from error
    if json:
        for finding in findings:
            print_json(finding.to_dict())
    say(_summary(findings, doubtful, folder, data))
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


def _write_report(
    path: Path,
    dataset: str,
    manifest: Manifest,
    findings: Sequence[Finding],
    doubtful: Sequence[Finding],
) -> None:
    from transnet.reports.page import render
    from transnet.reports.report_folder import report_mark

    page = render(
        "check.html.j2",
        dataset=report_mark(dataset),
        name=manifest.name,
        notes=manifest.notes,
        counts=_counts(findings),
        doubtful=[
            (finding, _pictures(finding.clip) if finding.status != "broken" else [])
            for finding in doubtful[:MAX_PICTURED]
        ],
        num_doubtful=len(doubtful),
        seconds=sorted(finding.seconds for finding in findings if finding.status != "broken"),
    )
    path.write_text(page, encoding="utf-8")


def _pictures(clip: ClipRecord) -> list[Pixels]:
    """Three frames of a clip, upright RGB."""
    from transnet.data.sampling import uniform_indices
    from transnet.data.video.footage import read_samples
    from transnet.data.video.frames import FrameConverter

    convert = FrameConverter()
    found = read_samples(
        clip.path,
        [(lambda times_s: uniform_indices(len(times_s), 3), lambda frame, _: convert(frame))],
        start=clip.start,
        end=clip.end,
        min_frames=1,
    )
    return found.samples[0].frames


def _counts(findings: Sequence[Finding]) -> dict[str, int]:
    counts = Counter(finding.status for finding in findings)
    return {status: counts[status] for status in ("fine", "suspicious", "broken")}


def _summary(
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
