"""What ``Recognizer.predict`` takes: files, bytes, frames of a program, clips."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from transnet.config import ClipConfig
from transnet.data.clips import Clip, read_clip, require_whole_pictures
from transnet.data.preprocessing import Preprocessor
from transnet.data.sampling import clip_indices
from transnet.data.video.frames import Pixels, rgb_frame
from transnet.data.views import CENTER
from transnet.errors import TransNetError, VideoError

ACCEPTED = (
    "a path, the bytes of a video file, a file opened in binary mode, frames as uint8 RGB "
    "(T, H, W, 3) in an array or a tensor, a list of pictures, a Clip of read_clip"
)


class ClipOptions(NamedTuple):
    """Which part of a video is read, and how.

    Attributes:
        start: first frame to use, counted from 0.
        end: frame after the last one to use.
        allow_partial: use the intact frames of a damaged file.
        fps: frames per second of frames that come without times.
    """

    start: int | None = None
    end: int | None = None
    allow_partial: bool = False
    fps: float = 25.0


def read_input(video: Any, config: ClipConfig, options: ClipOptions) -> tuple[str, Clip]:
    """The name of a video, for messages and predictions, and its clip.

    Args:
        video: see :data:`ACCEPTED`.
        config: how a video becomes a clip.
        options: which part of it is read.

    Raises:
        TransNetError: it is something else, or clips are cropped to people and it is no ``Clip``.
        VideoError: it is missing, damaged or no video.
    """
    if isinstance(video, str | os.PathLike):
        return os.fspath(video), _read(Path(video), config, options)
    if isinstance(video, Clip):
        return "clip", _checked(video, config)
    if isinstance(video, bytes | bytearray | memoryview):
        return "bytes", _from_bytes("bytes", bytes(video), config, options)
    if hasattr(video, "read"):
        name = str(getattr(video, "name", "") or "file")
        return name, _from_bytes(name, video, config, options)
    require_whole_pictures(config)
    return "frames", _from_frames(_pictures(video), config, options)


def _read(path: Path, config: ClipConfig, options: ClipOptions) -> Clip:
    start, end, allow_partial, _ = options
    return read_clip(path, config, start=start, end=end, allow_partial=allow_partial)


def _from_bytes(name: str, content: Any, config: ClipConfig, options: ClipOptions) -> Clip:
    """Decode from a temporary file, since FFmpeg seeks in most formats."""
    with tempfile.TemporaryDirectory(prefix="transnet-") as folder:
        path = Path(folder) / "video"
        with open(path, "wb") as file:
            if isinstance(content, bytes):
                file.write(content)
            else:
                _copy(content, file)
        try:
            return _read(path, config, options)
        except VideoError as error:
            raise VideoError(name, error.reason) from error


def _copy(source: Any, target: Any) -> None:
    try:
        shutil.copyfileobj(source, target)
    except TypeError as error:
        raise TransNetError(f"the video is a file opened as text; accepted: {ACCEPTED}.") from error


def _pictures(video: Any) -> Sequence[Pixels]:
    if isinstance(video, list | tuple):
        if not video:
            raise TransNetError(f"the video is an empty {type(video).__name__}; {_accepted()}")
        return [_array(picture, dimensions=3) for picture in video]
    return list(_array(video, dimensions=4))


def _array(value: Any, *, dimensions: int) -> Pixels:
    """An array, a tensor or a picture of Pillow, as uint8 RGB with this many dimensions."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    elif hasattr(value, "getbands"):
        value = np.asarray(value.convert("RGB"))
    if not isinstance(value, np.ndarray):
        what = "a list with a" if dimensions == 3 else "a"
        raise TransNetError(f"the video is {what} {type(value).__name__}; {_accepted()}")
    fits = value.ndim == dimensions and value.shape[-1] == 3 and value.size
    if value.dtype != np.uint8 or not fits:
        what = "picture is" if dimensions == 3 else "video is"
        raise TransNetError(f"the {what} {value.dtype} of shape {value.shape}; {_accepted()}")
    return value


def _accepted() -> str:
    return f"accepted: {ACCEPTED}."


def _from_frames(pictures: Sequence[Pixels], config: ClipConfig, options: ClipOptions) -> Clip:
    chosen = pictures[options.start or 0 : options.end]
    if not len(chosen):
        raise TransNetError(
            f"frames {options.start or 0} to {options.end} are asked for, but the video has "
            f"{len(pictures)} frames."
        )
    if not options.fps > 0:
        raise TransNetError(f"fps is {options.fps!r}; accepted: above 0.")
    times_s = np.arange(len(chosen)) / options.fps
    indices = clip_indices(times_s, config)
    positions, repeats = np.unique(indices, return_inverse=True)
    frames = (rgb_frame(chosen[position]) for position in positions)
    pixels = Preprocessor(config.size, config.region)(frames, CENTER)
    start = options.start or 0
    return Clip(pixels[repeats], indices + start, times_s[indices] + start / options.fps)


def _checked(clip: Clip, config: ClipConfig) -> Clip:
    expected = (config.frames, config.size, config.size, 3)
    if clip.frames.shape != expected:
        raise TransNetError(
            f"the clip has frames of shape {clip.frames.shape}; accepted: {expected}, as "
            "read_clip returns for the run's own info.clip."
        )
    return clip
