"""Who is who from frame to frame: SORT, with the colors of people.

The library ``trackers`` requires OpenCV, supervision, and matplotlib; only its assignment is
needed, which SciPy has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from transnet.data.people.boxes import Box
from transnet.data.video.frames import Pixels

FORGET_S = 1.0
"""Seconds after which a person who is not found has left."""
MOST_TRACKS = 32
"""People who are followed at a time; bounds memory."""

_MEETING_S = 4.0  # the longest meeting; after it, one of two has left behind the other
_CONFIRM = 3  # frames in which a person is found before an answer is given
_FARTHEST = 1.6  # the cost up to which a box may belong to a track
_GAIN = 0.5  # weight of a found position against the expected one
_DRIFT = 0.1  # weight of a found speed; small, since boxes move with arms and legs
_BINS = 4  # of each color channel


@dataclass(eq=False)
class Track:
    """A person who is followed.

    Attributes:
        number: counts from 1 and is never used again.
        box: where the person is, or is expected while hidden.
        seen_s: when the person was found last, alone or in a meeting, in seconds.
        hits: frames in which the person was found.
    """

    number: int
    box: Box
    seen_s: float
    colors: NDArray[np.float64] = field(repr=False)
    hits: int = 1
    _time_s: float = 0.0
    _alone_s: float = 0.0
    _speed: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2), repr=False)

    def __post_init__(self) -> None:
        self._time_s = self._alone_s = self.seen_s

    @property
    def is_confirmed(self) -> bool:
        """Whether the person was found often enough to be no flicker of the detector."""
        return self.hits >= _CONFIRM

    def expect(self, time_s: float) -> None:
        """Move the box on at its speed."""
        dx, dy = self._speed * (time_s - self._time_s)
        left, top, right, bottom = self.box
        self.box = Box(left + dx, top + dy, right + dx, bottom + dy)
        self._time_s = time_s

    def find(self, box: Box, colors: NDArray[np.float64], elapsed_s: float) -> None:
        """Correct the expected box by the one that was found."""
        change = np.subtract(box, self.box)
        self.box = Box(*(np.array(self.box) + _GAIN * change))
        if elapsed_s > 0:
            self._speed = self._speed + _DRIFT * (change[:2] + change[2:]) / 2 / elapsed_s
        self.colors = 0.9 * self.colors + 0.1 * colors
        self.seen_s = self._alone_s = self._time_s
        self.hits += 1

    def meet(self) -> None:
        """Stay known while hidden in a box with others."""
        if self._time_s - self._alone_s <= _MEETING_S:
            self.seen_s = self._time_s


class Tracker:
    """Follows people: constant speed, the best assignment by overlap and colors.

    Where people meet, their boxes become one; nobody's box is corrected by it, and all who meet
    keep their speed until they part, for four seconds at most. A track ends a second after its
    person was found last.

    Example:
        >>> tracker = Tracker()
        >>> picture = np.zeros((100, 100, 3), np.uint8)
        >>> for n in range(3):
        ...     tracks = tracker.update(picture, [Box(10 + n, 10, 30 + n, 60)], n / 25)
        >>> [(track.number, track.is_confirmed) for track in tracks]
        [(1, True)]
    """

    def __init__(self) -> None:
        self._tracks: list[Track] = []
        self._count = 0
        self._time_s = 0.0

    def update(self, pixels: Pixels, boxes: Sequence[Box], time_s: float) -> list[Track]:
        """See the boxes of the next frame.

        Args:
            pixels: the frame, uint8 RGB ``(H, W, 3)``.
            boxes: where people were found in it.
            time_s: when it is shown, in seconds; never decreasing.

        Returns:
            Everyone who is followed, in order of their numbers.
        """
        elapsed_s, self._time_s = time_s - self._time_s, time_s
        for track in self._tracks:
            track.expect(time_s)
        colors = [_colors(pixels, box) for box in boxes]
        taken = set()
        for row, column in self._assignment(boxes, colors):
            taken.add(column)
            self._tracks[row].find(boxes[column], colors[column], elapsed_s)
        for column, together in self._meetings(boxes).items():
            taken.add(column)
            for track in together:
                track.meet()
        self._tracks = [
            track
            for track in self._tracks
            if time_s - track.seen_s <= (FORGET_S if track.is_confirmed else 0.0)
        ]
        for column, box in enumerate(boxes):
            if column not in taken and len(self._tracks) < MOST_TRACKS:
                self._count += 1
                self._tracks.append(Track(self._count, box, time_s, colors[column]))
        return list(self._tracks)

    def _meetings(self, boxes: Sequence[Box]) -> dict[int, list[Track]]:
        """The boxes that hold several people who are followed, and who they are."""
        confirmed = [track for track in self._tracks if track.is_confirmed]
        held = {
            column: [track for track in confirmed if _holds(box, track.box)]
            for column, box in enumerate(boxes)
        }
        return {column: together for column, together in held.items() if len(together) > 1}

    def _assignment(
        self, boxes: Sequence[Box], colors: Sequence[NDArray[np.float64]]
    ) -> list[tuple[int, int]]:
        """Pairs of a track and a box."""
        if not self._tracks or not boxes:
            return []
        costs = np.full((len(self._tracks), len(boxes)), 1e3)
        shared = self._meetings(boxes) if len(boxes) < len(self._tracks) else {}
        for row, track in enumerate(self._tracks):
            for column, box in enumerate(boxes):
                if column not in shared and track.box.common(box):
                    unlike = np.abs(track.colors - colors[column]).sum() / 2
                    costs[row, column] = 1 - track.box.overlap(box) + unlike
        rows, columns = linear_sum_assignment(costs)
        pairs = zip(rows.tolist(), columns.tolist(), strict=True)
        return [(row, column) for row, column in pairs if costs[row, column] < _FARTHEST]


def _holds(box: Box, other: Box) -> bool:
    """Whether more than half of another box lies in a box."""
    return box.common(other) > other.area / 2


def _colors(pixels: Pixels, box: Box) -> NDArray[np.float64]:
    """The histogram of colors in the middle of a box, where the person is."""
    height, width = pixels.shape[:2]
    middle = (box.left + box.right) / 2
    quarter = max(1.0, (box.right - box.left) / 4)
    left, right = np.clip([round(middle - quarter), round(middle + quarter)], 0, width)
    top, bottom = np.clip([round(box.top), round(box.bottom)], 0, height)
    part = pixels[top:bottom, left:right].reshape(-1, 3).astype(np.int64) * _BINS // 256
    counts = np.bincount(part @ [_BINS * _BINS, _BINS, 1], minlength=_BINS**3)
    return counts / max(1, counts.sum())
