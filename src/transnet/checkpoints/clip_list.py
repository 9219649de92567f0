"""``clips.csv`` of a run: every clip and its part of the split; training clips with a digest."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open

from transnet.data.manifest import ClipRecord
from transnet.data.splits import Split
from transnet.errors import TransNetError
from transnet.utils.files import other_list, write_once

CLIPS_FILE = "clips.csv"


def clips_digest(path: Path) -> str:
    """A hash of the rows of ``clips.csv``; folders of the clips may change, when they are moved.

    Raises:
        TransNetError: the file cannot be read.
    """
    digest = hashlib.blake2b(digest_size=16)
    try:
        with open(path, newline="", encoding="utf-8", errors="surrogateescape") as file:
            for row in csv.reader(file):
                row = [os.path.basename(row[0]), *row[1:]] if row else []
                digest.update(json.dumps(row).encode())
    except (OSError, ValueError, csv.Error) as error:
        raise TransNetError(f"{path} cannot be read ({error}).") from error
    return digest.hexdigest()


def require_undamaged_clips(run: Path) -> None:
    """Check that ``clips.csv`` is the one that the training of a run ended with.

    A run without weights, or of an older version, records no digest of it: it is not checked.

    Raises:
        TransNetError: it is another one, or the weights cannot be read.
    """
    weights, clips = run / "model.safetensors", run / CLIPS_FILE
    if not (weights.is_file() and clips.is_file()):
        return
    try:
        with safe_open(weights, framework="numpy") as file:
            recorded = (file.metadata() or {}).get(CLIPS_FILE)
    except (OSError, RuntimeError, SafetensorError, ValueError) as error:
        raise TransNetError(f"{weights} is not a readable .safetensors file ({error}).") from error
    if recorded is not None and recorded != clips_digest(clips):
        raise TransNetError(
            f"{clips} is damaged or was changed: it is not the list that the run was trained on; "
            "restore it from a copy."
        )


def save_clips(run: Path, split: Split, digests: Mapping[ClipRecord, str]) -> None:
    """Write ``clips.csv``.

    Args:
        run: the run folder.
        split: the clips.
        digests: fingerprints of the training and validation clips. A clip without one could not
            be read and is listed as unused.

    Raises:
        TransNetError: the run has a ``clips.csv`` with other clips: another training's.
    """
    write_once(run / "clips.csv", _clips_table(split, digests), "clips")


def require_same_clips(run: Path, split: Split) -> None:
    """Check that a run was made from the clips of a split.

    Raises:
        TransNetError: it was not.
    """
    rows = csv.reader(io.StringIO(_clips_table(split, {}).decode("utf-8", "surrogateescape")))
    now = {tuple(row[:5]) for row in rows}
    with open(run / "clips.csv", newline="", encoding="utf-8", errors="surrogateescape") as file:
        before = {tuple(row[:5]) for row in csv.reader(file)}
    if now != before:
        raise TransNetError(other_list(run, "clips"))


def _clips_table(split: Split, digests: Mapping[ClipRecord, str]) -> bytes:
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["path", "label", "group", "start", "end", "split", "digest"])
    for part, clips in parts.items():
        for clip in clips:
            where = [os.path.abspath(clip.path), clip.label, clip.group]
            limits = ["" if frame is None else frame for frame in (clip.start, clip.end)]
            used = part if part == "test" or clip in digests else "unused"
            rows.writerow([*where, *limits, used, digests.get(clip, "")])
    return text.getvalue().encode("utf-8", "surrogateescape")  # file names may be any bytes


def trained_ranges(run: Path) -> dict[str, list[tuple[float, float]]]:
    """Frame ranges of each training and validation video, by the digest of the video.

    Ranges are half-open; the end of a range up to the end of the file is infinite.
    """
    require_undamaged_clips(run)
    path = run / "clips.csv"
    ranges: dict[str, list[tuple[float, float]]] = {}
    try:
        with open(path, newline="", encoding="utf-8", errors="surrogateescape") as file:
            for row in csv.DictReader(file):
                if row["split"] in ("train", "validation"):
                    limits = (float(row["start"] or 0), float(row["end"] or math.inf))
                    ranges.setdefault(row["digest"], []).append(limits)
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise TransNetError(
            f"{path} cannot be read ({error}), so it is unknown which clips were trained on."
        ) from error
    return ranges
