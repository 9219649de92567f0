"""``transnet explain``: the regions and the frames that a prediction is based on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from transnet.commands.output import FileResults
from transnet.config import Device
from transnet.errors import TransNetError, VideoError
from transnet.utils.paths import output_folder, unused_name
from transnet.utils.progress import say

if TYPE_CHECKING:
    from transnet.evaluation.explanation import Explanation


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

    Writes two files per video: a picture (every sampled frame with arrows of what moves until the
    next one, its Grad-CAM heat, and the probability lost when that frame is hidden) and a video
    with the heat on it.

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
    from PIL import Image

    from transnet.commands.heat_video import write_heat_video
    from transnet.data.clips import read_clip
    from transnet.evaluation.explanation import explain_clip, explanation_picture
    from transnet.inference.recognizer import load
    from transnet.inference.segmenter import load_segmenter

    recognizer = load(run, device=device)
    people = None
    if segmenter is not None:
        people = load_segmenter(segmenter, option="--segmenter", device=device)
    folder = output_folder(out)
    results = FileResults(json=json)
    names: set[str] = set()
    for video in videos:
        # The suffix keeps a source video in the same folder from being overwritten.
        name = unused_name(f"{Path(video).stem}_explained", names)
        picture, heat_video = folder / f"{name}.png", folder / f"{name}.mp4"
        try:
            clip = read_clip(video, recognizer.info.clip)
            found = explain_clip(recognizer, clip, label, people)
            Image.fromarray(explanation_picture(found)).save(picture)
            write_heat_video(heat_video, video, found)
        except VideoError as error:
            results.error(video, error)
            continue
        except OSError as error:
            raise TransNetError(f"--out is {out!r}, which cannot be written ({error}).") from error
        files = {"picture": str(picture), "video": str(heat_video)}
        results.result(_sentence(video, found), {"path": video, **found.to_dict(), **files})
        say(f"saved to {picture} and {heat_video}")
    return results.exit_status


def _sentence(video: str, found: Explanation) -> str:
    decisive = int(found.frame_weights.argmax())
    text = (
        f"{video}: {found.label} {found.probability:.1%}; most important frame at "
        f"{found.clip.times_s[decisive]:.1f} s ({100 * found.frame_weights[decisive]:+.1f} points)"
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
