"""``transnet predict``: the action of each video."""

from __future__ import annotations

import json as jsonlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transnet.config import StreamConfig, TimelineFormat
from transnet.data.datasets.folder import videos_below
from transnet.deploy import runtime
from transnet.errors import TransNetError, VideoError
from transnet.inference.prediction import Prediction
from transnet.utils.paths import expanded

if TYPE_CHECKING:
    from transnet.inference.timeline import Timeline


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
    answers: Iterable[Prediction | Timeline | VideoError]
    if timeline:
        if isinstance(recognizer, runtime.ExportedRecognizer):
            raise TransNetError(
                f"RUN is {run!r}, an export; --timeline needs the folder of a trained run."
            )
        answers = _timelines(recognizer, paths, stream, "json" if json else format, out)
    elif format or out:
        raise TransNetError("--format and --out are for timelines; add --timeline.")
    else:
        answers = _predictions(recognizer, paths, allow_partial, json)
    failed = 0
    for path, answer in zip(paths, answers, strict=True):
        if isinstance(answer, VideoError):
            failed += 1
            if json:
                print(jsonlib.dumps({"path": str(path), "error": answer.reason}), flush=True)
            else:
                print(f"error: {answer}", file=sys.stderr)
        elif answer.damage:
            failed += not allow_partial
            if not json:
                print(f"warning: {path}: {answer.damage}", file=sys.stderr)
    return 1 if failed else 0


def _predictions(
    recognizer: Any, paths: Sequence[str], allow_partial: bool, json: bool
) -> Iterator[Prediction | VideoError]:
    exported = isinstance(recognizer, runtime.ExportedRecognizer)
    num_frames = len(paths) * recognizer.info.clip.frames
    with nullcontext() if exported else recognizer.accelerated(num_frames):
        for answer in recognizer.predict_all(paths, allow_partial=allow_partial):
            if not isinstance(answer, VideoError):
                print(jsonlib.dumps(answer.to_dict()) if json else answer, flush=True)
            yield answer


def _timelines(
    recognizer: Any,
    paths: list[str],
    stream: StreamConfig,
    format: TimelineFormat | None,
    out: str | None,
) -> Iterator[Timeline | VideoError]:
    from transnet.inference.timeline import find_segments
    from transnet.inference.timeline_files import TimelineTarget

    target = TimelineTarget.choose(paths, format, out)
    with recognizer.accelerated():
        for path in paths:
            try:
                found = find_segments(recognizer, path, stream)
            except VideoError as error:
                yield error
                continue
            target.put(found)
            yield found


def _load(run: str) -> Any:
    if runtime.find_clip_model(Path(run).expanduser()):
        return runtime.load(run)
    from transnet.inference.recognizer import load  # brings torch, which an export does not need

    return load(run)
