"""``transnet explain``: where a recognizer looked, and which frames decided."""

from __future__ import annotations

import json as jsonlib
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from transnet.data.clips import read_clip
from transnet.data.preprocessing import Preprocessor
from transnet.data.video.frames import Pixels
from transnet.data.video.reader import VideoFile
from transnet.data.video.writer import VideoWriter
from transnet.data.views import CENTER
from transnet.errors import TransNetError, VideoError
from transnet.evaluation.explanation import (
    Explanation,
    explain_clip,
    explanation_picture,
    heated,
)
from transnet.inference.recognizer import load
from transnet.inference.segmenter import load_segmenter
from transnet.utils.paths import output_folder, unused_name
from transnet.utils.progress import say


def explain(
    run: str,
    videos: list[str],
    *,
    label: str | None = None,
    segmenter: str | None = None,
    out: str = "runs/explained",
    json: bool = False,
) -> int:
    """Show where a recognizer looked in a video, and which frames decided.

    For each video a picture (every frame that it saw, the heat of Grad-CAM on it, and by how much
    the probability falls when the frame is hidden) and a video with the heat on it.

    Args:
        run: the folder of a trained run
        videos: video files
        label: the class to explain; by default the answer
        segmenter: folder of transnet pretrain; says how much of the heat is on people
        out: folder for the pictures and videos
        json: print one JSON object a line for each video

    Returns:
        0, or 1 if any of the videos could not be read; the others are explained all the same.

    Raises:
        TransNetError: RUN is not a trained run, or gives no map of a frame.
    """
    recognizer = load(run)
    people = None if segmenter is None else load_segmenter(segmenter, option="--segmenter")
    folder = output_folder(out)
    failed = 0
    names: set[str] = set()
    for video in videos:
        # Never the name of a video, so that none is overwritten.
        name = unused_name(f"{Path(video).stem}_explained", names)
        try:
            clip = read_clip(video, recognizer.info.clip)
            found = explain_clip(recognizer, clip, label, people)
            picture = folder / f"{name}.png"
            Image.fromarray(explanation_picture(found)).save(picture)
            film = folder / f"{name}.mp4"
            with VideoWriter(film) as writer:
                for pixels, time_s in _heated_frames(video, found):
                    writer.write(pixels, time_s)
        except VideoError as error:
            failed += 1
            if json:
                print(jsonlib.dumps({"path": video, "error": str(error)}))
            print(f"error: {error}", file=sys.stderr)
            continue
        except OSError as error:
            raise TransNetError(f"--out is {out!r}, which cannot be written ({error}).") from error
        if json:
            files = {"picture": str(picture), "video": str(film)}
            print(jsonlib.dumps({"path": video, **found.to_dict(), **files}))
        else:
            print(_sentence(video, found))
        say(f"saved to {picture} and {film}")
    return int(failed > 0)


def _heated_frames(video: str, found: Explanation) -> Iterator[tuple[Pixels, float]]:
    """Every frame as the network would see it, with the heat of the moment."""
    preprocess = Preprocessor(found.clip.frames.shape[1])
    with VideoFile(video) as opened:
        for frame, time_s in opened.timed_frames():
            yield heated(preprocess([frame], CENTER)[0], _heat_at(found, time_s)), time_s


def _heat_at(found: Explanation, time_s: float) -> NDArray[np.float32]:
    """Between two frames that were seen, a mixture of their heat."""
    times = found.clip.times_s
    later = int(np.clip(np.searchsorted(times, time_s), 0, len(times) - 1))
    earlier = max(0, later - 1)
    gap = times[later] - times[earlier]
    share = 1.0 if gap <= 0 else float(np.clip((time_s - times[earlier]) / gap, 0, 1))
    return (1 - share) * found.heat[earlier] + share * found.heat[later]


def _sentence(video: str, found: Explanation) -> str:
    decisive = int(found.frame_weights.argmax())
    text = (
        f"{video}: {found.label} {found.probability:.1%}; most decided by the frame at "
        f"{found.clip.times_s[decisive]:.1f} s ({100 * found.frame_weights[decisive]:+.1f} points)"
    )
    if found.heat_on_person is not None:
        text += (
            f"; {found.heat_on_person:.0%} of the heat is on people, who cover "
            f"{found.person_area:.0%} of the picture"
        )
    return text
