"""Following the people of a video or a stream."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from transnet.config import Region
from transnet.data.people.boxes import Box
from transnet.data.people.paths import PersonPath, Step
from transnet.data.people.tracking import Track, Tracker
from transnet.data.video.frames import FrameConverter, Pixels
from transnet.data.video.pacing import FramePacer
from transnet.data.video.reader import VideoFile
from transnet.errors import TransNetError, VideoError

FindPeople = Callable[[Pixels], list[Box]]
"""From a picture, uint8 RGB ``(H, W, 3)``, to a box around each person."""

LOOK_EVERY_S = 0.1
"""Seconds between two pictures in which people are looked for; in between they keep their speed.
The same for training, prediction and streams, so that their crops are the same."""
VERSION = 1
"""Counts the changes of what is followed, since paths are cached."""


class Follower:
    """Looks for people ten times a second, and follows them in between.

    Args:
        find: where people are.
        region: the place in which they are looked for, as in
            :class:`~transnet.config.ClipConfig`; the whole picture if empty.
    """

    def __init__(self, find: FindPeople, region: str = "") -> None:
        self._find = find
        self._region = Region.parse(region) if region else None
        self.reset()

    def reset(self) -> None:
        """Forget everyone: another video starts."""
        self._tracker, self._pacer = Tracker(), FramePacer(LOOK_EVERY_S)

    def see(self, picture: Callable[[], Pixels], time_s: float) -> bool:
        """See the next picture.

        Args:
            picture: gives it, uint8 RGB ``(H, W, 3)``, if people are looked for in it.
            time_s: when it is shown, in seconds; never decreasing.

        Returns:
            Whether people were looked for.

        Raises:
            TransNetError: the region reaches beyond the picture.
        """
        looks = self._pacer.is_due(time_s)
        if looks:
            pixels = picture()
            self._tracker.update(pixels, self._boxes(pixels), time_s)
        else:
            self._tracker.expect(time_s)
        return looks

    @property
    def tracks(self) -> list[Track]:
        """Everyone who is followed, in order of their numbers."""
        return self._tracker.tracks

    def _boxes(self, pixels: Pixels) -> list[Box]:
        if self._region is None:
            return self._find(pixels)
        rows, columns = self._region.slices(pixels.shape[1], pixels.shape[0])
        found = self._find(np.ascontiguousarray(pixels[rows, columns]))
        return [box.moved(columns.start, rows.start) for box in found]


def follow(
    path: Path | str,
    find: FindPeople,
    region: str = "",
    *,
    start: int | None = None,
    end: int | None = None,
) -> dict[int, PersonPath]:
    """Follow the people of a video, or of a part of it.

    Args:
        path: the file.
        find: where people are.
        region: the place in which they are looked for.
        start: first frame, from 0.
        end: frame after the last one.

    Returns:
        The path of each person by the number of the track.

    Raises:
        VideoError: the file cannot be opened, or the region reaches beyond its picture.
    """
    follower, convert = Follower(find, region), FrameConverter()
    steps: dict[int, list[Step]] = defaultdict(list)
    found: dict[int, Track] = {}
    with VideoFile(path) as video:
        for frame, time_s in islice(video.timed_frames(end), start or 0, None):
            try:
                looked = follower.see(partial(convert, frame), time_s)
            except TransNetError as error:
                raise VideoError(path, str(error)) from error
            for track in follower.tracks if looked else ():
                found[track.number] = track
                steps[track.number].append(Step(time_s, track.room, track.speed))
    return {
        number: PersonPath(tuple(s for s in steps[number] if s.time_s <= track.seen_s + 1e-6))
        for number, track in found.items()
        if track.is_confirmed
    }
