"""``transnet predict``: the action of each video."""

from __future__ import annotations

import json as jsonlib
import sys
from pathlib import Path
from typing import Any

from transnet.config import StreamConfig, TimelineFormat
from transnet.data.datasets.folder import videos_below
from transnet.data.files import expanded
from transnet.deploy import runtime
from transnet.errors import TransNetError, VideoError


def predict(
    run: str,
    videos: list[str],
    *,
    json: bool = False,
    allow_partial: bool = False,
    timeline: bool = False,
    stream: StreamConfig = StreamConfig(),
    format: TimelineFormat | None = None,
    out: str | None = None,
) -> int:
    """Tell which action each video shows, or with --timeline, what happens in it when.

    Args:
        run: the folder of a trained run, or of an export
        videos: video files, and folders, which are searched for videos
        json: print one JSON object a line: path, label, score, scores; or path and error; with
            --timeline, path and segments
        allow_partial: use the good frames of a damaged file instead of refusing it
        timeline: find the segments of a long video, label, start, end and score of each
        stream: how a long video is watched
        format: of a timeline; by default as the name of --out says, else text
        out: file for the timeline, or, for several videos, folder for their timelines

    Returns:
        0, or 1 if any of the videos could not be read or was damaged; the others are answered all
        the same.

    Raises:
        TransNetError: RUN is not a trained run, or a folder holds no video.
    """
    recognizer = _load(run)
    paths = expanded(videos, videos_below, "video")
    if timeline:
        from transnet.inference.timeline import find_segments
        from transnet.inference.timeline_files import TimelineTarget

        if isinstance(recognizer, runtime.ExportedRecognizer):
            raise TransNetError(
                f"RUN is {run!r}, an export; --timeline needs the folder of a trained run."
            )
        target = TimelineTarget.choose(paths, "json" if json else format, out)

        def answer(path: str) -> str:
            found = find_segments(recognizer, path, stream)
            target.put(found)
            return found.damage

    elif format or out:
        raise TransNetError("--format and --out are for timelines; add --timeline.")
    else:

        def answer(path: str) -> str:
            prediction = recognizer.predict(path, allow_partial=allow_partial)
            text = jsonlib.dumps(prediction.to_dict()) if json else str(prediction)
            print(text, flush=True)
            return prediction.damage

    failed = 0
    for path in paths:
        try:
            damage = answer(path)
        except VideoError as error:
            failed += 1
            if json:
                print(jsonlib.dumps({"path": str(path), "error": error.reason}), flush=True)
            else:
                print(f"error: {error}", file=sys.stderr)
            continue
        if damage:
            failed += not allow_partial
            if not json:
                print(f"warning: {path}: {damage}", file=sys.stderr)
    return 1 if failed else 0


def _load(run: str) -> Any:
    if runtime.find_clip_model(Path(run).expanduser()):
        return runtime.load(run)
    from transnet.inference.recognizer import load  # brings torch, which an export does not need

    return load(run)
