"""``transnet predict``: the action of each video."""

from __future__ import annotations

import json as jsonlib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from transnet.data.datasets.folder import videos_below
from transnet.deploy import runtime
from transnet.errors import TransNetError, VideoError


def predict(run: str, videos: list[str], *, json: bool = False, allow_partial: bool = False) -> int:
    """Tell which action each video shows.

    Args:
        run: the folder of a trained run, or of an export
        videos: video files, and folders, which are searched for videos
        json: print one JSON object a line: path, label, score, scores; or path and error
        allow_partial: use the good frames of a damaged file instead of refusing it

    Returns:
        0, or 1 if any of the videos could not be read; the others are answered all the same.

    Raises:
        TransNetError: RUN is not a trained run, or a folder holds no video.
    """
    recognizer = _load(run)
    failed = 0
    for path in _expand(videos):
        try:
            prediction = recognizer.predict(path, allow_partial=allow_partial)
        except VideoError as error:
            failed += 1
            if json:
                print(jsonlib.dumps({"path": str(path), "error": error.reason}), flush=True)
            else:
                print(f"error: {error}", file=sys.stderr)
            continue
        if json:
            print(jsonlib.dumps(prediction.to_dict()), flush=True)
        else:
            print(prediction, flush=True)
            if prediction.damage:
                print(f"warning: {path}: {prediction.damage}", file=sys.stderr)
    return 1 if failed else 0


def _load(run: str) -> Any:
    if runtime.find_clip_model(Path(run).expanduser()):
        return runtime.load(run)
    from transnet.inference.recognizer import load  # brings torch, which an export does not need

    return load(run)


def _expand(videos: Iterable[str]) -> list[str]:
    paths: list[str] = []
    for video in videos:
        if Path(video).is_dir():
            inside = videos_below(Path(video))
            if not inside:
                raise TransNetError(f"VIDEO is {video!r}, a folder without videos.")
            paths.extend(map(str, inside))
        else:
            paths.append(video)
    return paths
