"""Clips: the sampled and preprocessed frames of a video, with their times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from transnet.config import ClipConfig
from transnet.data.manifest import ClipRecord
from transnet.data.people.paths import PersonPath
from transnet.data.preprocessing import Preprocessor
from transnet.data.sampling import Indices, clip_indices
from transnet.data.video.footage import Chooser, Converter, read_samples
from transnet.data.video.frames import Pixels
from transnet.data.video.reader import read_times
from transnet.data.views import CENTER, View
from transnet.errors import TransNetError, VideoError

# The median step of more clips hardly differs.
CLIPS_FOR_STEP = 200


@dataclass(frozen=True, eq=False)
class Clip:
    """Input of a network: some frames of a video.

    Attributes:
        frames: uint8 RGB ``(T, size, size, 3)``.
        indices: number of each frame in the file, from 0, never decreasing, ``(T,)``.
        times_s: presentation time of each frame in seconds, ``(T,)``.
        damage: what is wrong with the file, if its good frames were used; otherwise empty.
        video_s: seconds from the first to the last frame of the file, or of its range.

    Example:
        >>> clip = transnet.read_clip("clip.mp4", transnet.ClipConfig(frames=4, size=64))
        >>> clip.frames.shape, clip.times_s
        ((4, 64, 64, 3), array([0.2, 0.6, 1. , 1.4]))
    """

    frames: Pixels
    indices: NDArray[np.int64]
    times_s: NDArray[np.float64]
    damage: str = ""
    video_s: float = 0.0

    def __repr__(self) -> str:
        span = f"{self.times_s[0]:.2f}..{self.times_s[-1]:.2f} s"
        return f"Clip(frames={self.frames.shape} uint8, times_s={span})"


def read_clip(
    path: Path | str,
    config: ClipConfig,
    view: View = CENTER,
    *,
    start: int | None = None,
    end: int | None = None,
    allow_partial: bool = False,
    person: PersonPath | None = None,
) -> Clip:
    """Decode, sample and preprocess one clip; see :func:`read_views`.

    Example:
        >>> read_clip("clip.mp4", transnet.ClipConfig(frames=4, size=64), end=20).indices
        array([ 2,  7, 12, 17])
    """
    (clip,) = read_views(
        path, config, [view], start=start, end=end, allow_partial=allow_partial, person=person
    )
    return clip


def read_record(record: ClipRecord, config: ClipConfig, view: View = CENTER) -> Clip:
    """Read a clip of a dataset, with its range of frames and its person; raises as read_clip."""
    return read_clip(
        record.path, config, view, start=record.start, end=record.end, person=record.person
    )


def read_views(
    path: Path | str,
    config: ClipConfig,
    views: Sequence[View],
    *,
    start: int | None = None,
    end: int | None = None,
    allow_partial: bool = False,
    person: PersonPath | None = None,
) -> list[Clip]:
    """Decode a video once and preprocess several views of it.

    Args:
        path: the file.
        config: number of frames, sampling and size.
        views: temporal offsets, crops and flips, one or more.
        start: first frame of the clip, from 0; the beginning of the file if not given.
        end: frame after the last one; the end of the file if not given.
        allow_partial: use the good frames of a damaged file and say so in ``damage``.
        person: whom to crop to, while this person is seen.

    Returns:
        One clip per view.

    Raises:
        VideoError: the file cannot be read, is damaged, or is shorter than the range; the region
            reaches beyond its picture, or it shows nobody to crop to.
        TransNetError: the clip is to be cropped to people, but ``person`` is not given.
    """
    if person is None:
        require_whole_pictures(config)
    return _read(path, config, [(view, person) for view in views], start, end, allow_partial)


def require_whole_pictures(config: ClipConfig) -> None:
    """Refuse what shows whole pictures, or a part of them, to a network that sees people's crops.

    Raises:
        TransNetError: clips are cropped to people.

    Example:
        >>> require_whole_pictures(transnet.ClipConfig())
    """
    if config.crop == "people":
        raise TransNetError(
            "crop is 'people': the network is trained on crops of people (train --crop people) and "
            "cannot classify whole pictures; use transnet predict --people, transnet live --people "
            "or transnet evaluate, with the --segmenter or the --detector of the training, in "
            "Python predict_people, find_people_segments or PeopleSession."
        )


def read_people(
    path: Path | str,
    config: ClipConfig,
    people: Sequence[PersonPath],
    *,
    allow_partial: bool = False,
) -> list[Clip]:
    """Decode a video once; the clip of each person, as :func:`read_clip` gives it.

    Args:
        path: the file.
        config: number of frames, sampling, size and region.
        people: whom to crop to, one or more.
        allow_partial: use the good frames of a damaged file and say so in ``damage``.

    Raises:
        VideoError: as of :func:`read_views`.
    """
    return _read(path, config, [(CENTER, person) for person in people], None, None, allow_partial)


def _read(
    path: Path | str,
    config: ClipConfig,
    wanted: Sequence[tuple[View, PersonPath | None]],
    start: int | None,
    end: int | None,
    allow_partial: bool,
) -> list[Clip]:
    samplers = [_sampler(path, config, view, person) for view, person in wanted]
    found = read_samples(path, samplers, start=start, end=end, allow_partial=allow_partial)
    return [
        Clip(
            np.stack(sample.frames),
            sample.indices + (start or 0),
            found.times_s[sample.indices],
            found.damage,
            float(found.times_s[-1] - found.times_s[0]),
        )
        for sample in found.samples
    ]


def _sampler(
    path: Path | str, config: ClipConfig, view: View, person: PersonPath | None
) -> tuple[Chooser, Converter[Pixels]]:
    """Which frames a view shows, and its square of a frame: small as soon as it is decoded."""
    preprocess = Preprocessor(config.size, config.region)

    def choose(times_s: NDArray[np.float64]) -> Indices:
        seen = _while_seen(times_s, person)
        return seen.start + clip_indices(times_s[seen], config, view.offset)

    def square(frame: av.VideoFrame, time_s: float) -> Pixels:
        if person is not None and not person.steps:
            raise VideoError(path, person.problem)
        try:
            pixels = preprocess.square(frame, view, person.at(time_s) if person else None)
        except TransNetError as error:  # the region reaches beyond the picture of this video
            raise VideoError(path, str(error)) from error
        return np.ascontiguousarray(pixels)

    return choose, square


def _while_seen(times_s: NDArray[np.float64], person: PersonPath | None) -> slice:
    """The frames in which a person is seen; all of them if there is nobody to crop to."""
    if person is None or not person.steps:
        return slice(0, len(times_s))
    first = min(int(np.searchsorted(times_s, person.start_s - 1e-6)), len(times_s) - 1)
    return slice(first, max(first + 1, int(np.searchsorted(times_s, person.end_s + 1e-6))))


def median_step_s(records: Sequence[ClipRecord], config: ClipConfig) -> float:
    """Typical time between two frames of a clip: the step of a stream with the same statistics.

    Reads the times of up to 200 of the clips, spread over the list, and decodes nothing. Clips in
    which nobody was found to crop to do not count.

    Args:
        records: training clips.
        config: how they are sampled.

    Returns:
        The median over the clips of the seconds between two sampled frames; 0 if none can be read.
    """
    if config.sampling == "stride":
        return config.stride_s
    used = [record for record in records if record.person is None or record.person.steps]
    spread = used[:: max(1, len(used) // CLIPS_FOR_STEP)]
    steps = []
    for record in spread[:CLIPS_FOR_STEP]:
        try:
            times_s = read_times(record.path)[record.start or 0 : record.end]
        except VideoError:
            continue
        times_s = times_s[_while_seen(times_s, record.person)]
        if len(times_s) > 1:
            sampled_s = times_s[clip_indices(times_s, config)]
            steps.append((sampled_s[-1] - sampled_s[0]) / (config.frames - 1))
    return float(np.median(steps)) if steps else 0.0
