"""``transnet explain``: the regions and the frames that a prediction is based on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from transnet.commands.output import FileResults
from transnet.config import Device
from transnet.errors import TransNetError, VideoError
from transnet.utils.paths import output_folder, unused_name
from transnet.utils.progress import say

if TYPE_CHECKING:
    from transnet.data.video.frames import Pixels
    from transnet.evaluation.explanation import Explanation
    from transnet.inference.recognizer import Recognizer

PAGE = "explained.html"
VIDEO_NOTE = "video"  # of a picture: which video it explains


def explain(
    run: str,
    videos: list[str],
    *,
    label: str | None = None,
    segmenter: str | None = None,
    out: str = "runs/explained",
    json: bool = False,
    device: Device = "auto",
) -> int:
    """Show the regions and the frames of a video that a prediction is based on.

    Writes two files per video: a picture with a legend (every sampled frame with arrows of what
    moves until the next one, its Grad-CAM heat, and the probability lost when that frame is hidden)
    and a video with the heat on it. Their names have the folders of the video,
    ``squat-anna-01_explained``. ``explained.html`` shows all of them, with the share of each cue.

    Args:
        run: run folder of transnet train
        videos: video files
        label: class to explain; by default the predicted one
        segmenter: run folder of transnet pretrain; adds the share of the heat on people
        out: output folder
        json: print one JSON object per video
        device: auto (a GPU if there is one), cpu, cuda or mps

    Returns:
        0, or 1 if a video could not be read; the others are explained.

    Raises:
        TransNetError: RUN is not a trained run, or its network has no feature map per frame.
    """
    from transnet.commands.heat_video import write_heat_video
    from transnet.data.clips import read_clip
    from transnet.evaluation.explanation import explain_clip
    from transnet.evaluation.explanation_picture import explanation_picture
    from transnet.inference.recognizer import load
    from transnet.inference.segmenter import load_segmenter
    from transnet.reports.clip_names import clip_names

    recognizer = load(run, device=device)
    people = None
    if segmenter is not None:
        people = load_segmenter(segmenter, option="--segmenter", device=device)
    folder = output_folder(out)
    results, names = FileResults(json=json), set[str]()
    explained: list[tuple[str, Path, Explanation]] = []
    for video, clip_name in zip(videos, clip_names(videos), strict=True):
        picture = _picture_path(folder, clip_name, video, names)
        heat_video = picture.with_suffix(".mp4")
        try:
            clip = read_clip(video, recognizer.info.clip)
            found = explain_clip(recognizer, clip, label, people)
            _save_picture(picture, explanation_picture(found, clip_name), video)
            write_heat_video(heat_video, video, found, recognizer.info.clip.region)
        except VideoError as error:
            results.error(video, error)
            continue
        except OSError as error:
            raise TransNetError(f"--out is {out!r}, which cannot be written ({error}).") from error
        files = {"picture": str(picture), "video": str(heat_video)}
        results.result(_sentence(video, found), {"path": video, **found.to_dict(), **files})
        explained.append((clip_name, picture, found))
        say(f"saved to {picture} and {heat_video}")
    if explained:
        say(f"all on one page: {_write_page(folder, recognizer, explained)}")
    return results.exit_status


def _write_page(
    folder: Path, recognizer: Recognizer, explained: Sequence[tuple[str, Path, Explanation]]
) -> Path:
    """``explained.html``: the videos of this call, with the pictures that lie beside it."""
    from transnet.reports.page import render
    from transnet.utils.files import written_whole

    def address(path: Path) -> str:
        return quote(os.fsencode(path.name))

    page = render(
        "explanations.html.j2",
        name=recognizer.folder.resolve().name if recognizer.folder else "",
        backbone=recognizer.info.backbone.name,
        classes=recognizer.classes,
        entries=[
            {
                "name": name,
                "found": found,
                "picture": address(picture),
                "video": address(picture.with_suffix(".mp4")),
                "decisive_s": float(found.clip.times_s[found.decisive]),
                "points": -100 * float(found.frame_weights[found.decisive]),
            }
            for name, picture, found in explained
        ],
        written=datetime.now().strftime("%Y-%m-%d %H:%M"),
    )
    with written_whole(folder / PAGE) as path:
        path.write_text(page, encoding="utf-8")
    return folder / PAGE


def _picture_path(folder: Path, clip_name: str, video: str, names: set[str]) -> Path:
    """Where the picture of a video goes: never over that of another one, of an earlier call.

    The ending ``_explained`` keeps a source video in the same folder from being overwritten.
    """
    while True:
        stem = unused_name(f"{clip_name.replace('/', '-')}_explained", names)
        path = folder / f"{stem}.png"
        taken = path.exists() or path.with_suffix(".mp4").exists()
        if not taken or _pictured_video(path) == _identity(video):
            return path


def _save_picture(path: Path, picture: Pixels, video: str) -> None:
    from PIL import Image, PngImagePlugin

    note = PngImagePlugin.PngInfo()
    note.add_text(VIDEO_NOTE, _identity(video))
    Image.fromarray(picture).save(path, pnginfo=note)


def _pictured_video(path: Path) -> str:
    from PIL import Image

    try:
        with Image.open(path) as picture:
            return str(picture.info.get(VIDEO_NOTE, ""))
    except OSError:
        return ""


def _identity(video: str) -> str:
    """The place of a video in letters that a PNG can hold."""
    return quote(os.fsencode(os.path.abspath(video)))


def _sentence(video: str, found: Explanation) -> str:
    at_s, points = found.clip.times_s[found.decisive], 100 * found.frame_weights[found.decisive]
    text = (
        f"{video}: {found.label} {found.probability:.1%}; most important frame at {at_s:.1f} s "
        f"({points:+.1f} points)"
    )
    if len(found.cues) > 1:
        shares = ", ".join(f"{cue} {share:.0%}" for cue, share in found.cues.items())
        text += f"; of the cues: {shares}"
    if found.heat_on_person is not None:
        text += (
            f"; {found.heat_on_person:.0%} of the heat is on people, who cover "
            f"{found.person_area:.0%} of the picture"
        )
    return text
