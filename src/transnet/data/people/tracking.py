"""Who is who from picture to picture: SORT, with the colors of people and with meetings.

The library ``trackers`` requires OpenCV, supervision, and matplotlib; only its assignment is
needed, which SciPy has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from transnet.data.people.boxes import Box, around
from transnet.data.video.frames import Pixels

FORGET_S = 1.0
"""Seconds after which a person who is not found has left."""
MOST_TRACKS = 32
"""People who are followed at a time; bounds memory."""

_MEETING_S = 4.0  # the longest meeting; after it, one of two has left behind the other
_CONFIRM = 3  # pictures in which a person is found before an answer is given
_FARTHEST = 1.6  # the cost up to which a box may belong to a track
_PARTED = 2.0  # weight of the colors of people who met: where they are says little
_GAIN = 0.6  # weight of a found position against the expected one
_DRIFT = 0.2  # weight of a found speed; small, since boxes move with arms and legs
_GROW, _SHRINK = 0.6, 0.1  # how fast the room of a person follows: raised arms stay in it
_INSIDE = 0.7  # share of a part of a person that lies in the person's room
_BINS = 4  # of each color channel


@dataclass(eq=False)
class Track:
    """A person who is followed.

    Attributes:
        number: counts from 1 and is never used again.
        box: where the person is, or is expected while hidden.
        seen_s: when the person was found last, alone or in a meeting, in seconds.
        hits: pictures in which the person was found alone.
        room: what the person took in the last second or so: a calm box, to crop to.
        speed: of the box, in pixels a second to the right and down.
        is_alone: whether the last look found the person, and in a box of its own.
    """

    number: int
    box: Box
    seen_s: float
    colors: NDArray[np.float64] = field(repr=False)
    hits: int = 1
    room: Box = field(init=False)
    speed: tuple[float, float] = (0.0, 0.0)
    is_alone: bool = True
    _time_s: float = field(init=False)
    _alone_s: float = field(init=False)
    _meeting: Box | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.room = self.box
        self._time_s = self._alone_s = self.seen_s

    @property
    def is_confirmed(self) -> bool:
        """Whether the person was found often enough to be no flicker of the detector."""
        return self.hits >= _CONFIRM

    def expect(self, time_s: float) -> None:
        """Move on at the speed of the person."""
        elapsed_s, self._time_s = time_s - self._time_s, time_s
        self._move(self.speed[0] * elapsed_s, self.speed[1] * elapsed_s)

    def find(self, box: Box, colors: NDArray[np.float64], elapsed_s: float) -> None:
        """Correct the expected box by the one that was found ``elapsed_s`` after the last one."""
        change = np.subtract(box, self.box)
        gain = _GAIN if self._meeting is None else 1.0  # where one leaves a meeting is no surprise
        self.box = Box(*(np.array(self.box) + gain * change).tolist())
        if elapsed_s > 0 and self._meeting is None:
            drift = _DRIFT * (change[:2] + change[2:]) / 2 / elapsed_s
            self.speed = (self.speed[0] + float(drift[0]), self.speed[1] + float(drift[1]))
        beyond = np.subtract(box, self.room) * (-1, -1, 1, 1)  # above 0 where the box is larger
        pace = np.where(beyond > 0, _GROW, _SHRINK) * beyond * (-1, -1, 1, 1)
        self.room = Box(*(np.array(self.room) + pace).tolist())
        self.colors = 0.9 * self.colors + 0.1 * colors
        self.seen_s = self._alone_s = self._time_s
        self._meeting = None
        self.is_alone = True
        self.hits += 1

    def meet(self, box: Box) -> None:
        """Stay known, and in a box that holds others too."""
        if self._time_s - self._alone_s > _MEETING_S:
            return
        self.seen_s, self._meeting = self._time_s, box
        self._move(
            min(0.0, box.right - self.box.right) + max(0.0, box.left - self.box.left),
            min(0.0, box.bottom - self.box.bottom) + max(0.0, box.top - self.box.top),
        )

    def hurry(self, dx: float) -> None:
        """Be further on than expected, ``dx`` pixels to the right."""
        self._move(_GAIN * dx, 0.0)

    def cost(self, box: Box, colors: NDArray[np.float64]) -> float:
        """How badly a box fits; infinite if it is out of reach."""
        unlike = float(np.abs(self.colors - colors).sum()) / 2
        if self._meeting is not None:
            reach = self._meeting.common(box)
            return _PARTED * unlike + 0.5 * (1 - self.box.overlap(box)) if reach else np.inf
        return 1 - self.box.overlap(box) + unlike if self.box.common(box) else np.inf

    def _move(self, dx: float, dy: float) -> None:
        self.box, self.room = self.box.moved(dx, dy), self.room.moved(dx, dy)


class Tracker:
    """Follows people: constant speed, the best assignment by overlap and colors.

    Where people meet, their boxes become one; nobody's box is corrected by it, and all who meet
    keep their speed, within that box, until they part, for four seconds at most. Then colors tell
    who is who. A track ends a second after its person was found last.

    Example:
        >>> tracker = Tracker()
        >>> picture = np.zeros((100, 100, 3), np.uint8)
        >>> for n in range(3):
        ...     tracks = tracker.update(picture, [Box(10 + n, 10, 30 + n, 60)], n / 10)
        >>> [(track.number, track.is_confirmed) for track in tracks]
        [(1, True)]
    """

    def __init__(self) -> None:
        self._tracks: list[Track] = []
        self._count = 0
        self._time_s = 0.0

    @property
    def tracks(self) -> list[Track]:
        """Everyone who is followed, in order of their numbers."""
        return list(self._tracks)

    def expect(self, time_s: float) -> None:
        """Move everyone on at their speed, for a picture in which nobody is looked for."""
        for track in self._tracks:
            track.expect(time_s)

    def update(self, pixels: Pixels, boxes: Sequence[Box], time_s: float) -> list[Track]:
        """See the boxes of the next picture.

        Args:
            pixels: the picture, uint8 RGB ``(H, W, 3)``.
            boxes: where people were found in it.
            time_s: when it is shown, in seconds; never decreasing.

        Returns:
            Everyone who is followed, in order of their numbers.
        """
        elapsed_s, self._time_s = time_s - self._time_s, time_s
        self.expect(time_s)
        for track in self._tracks:
            track.is_alone = False
        boxes = self._joined(boxes)
        colors = [_colors(pixels, box) for box in boxes]
        meetings = self._meetings(boxes)
        taken = set(meetings)
        for row, column in self._assignment(boxes, colors, taken):
            taken.add(column)
            self._tracks[row].find(boxes[column], colors[column], elapsed_s)
        for column, together in meetings.items():
            _meet([t for t in together if t.seen_s < time_s], boxes[column])
        self._tracks = [
            track
            for track in self._tracks
            if time_s - track.seen_s <= (FORGET_S if track.is_confirmed else 0.0)
        ]
        for column, box in enumerate(boxes):
            if column not in taken and len(self._tracks) < MOST_TRACKS and not self._is_part(box):
                self._count += 1
                self._tracks.append(Track(self._count, box, time_s, colors[column]))
        return self.tracks

    def _joined(self, boxes: Sequence[Box]) -> list[Box]:
        """Boxes that are parts of one person who is followed, as one: a mask may have gaps."""
        left, whole = list(boxes), []
        for track in self._tracks:
            parts = [box for box in left if box.common(track.room) >= _INSIDE * box.area]
            if len(parts) > 1 and not any(
                other is not track and other.box.common(track.box) for other in self._tracks
            ):
                left = [box for box in left if box not in parts]
                whole.append(around(parts))
        return [*whole, *left]

    def _is_part(self, box: Box) -> bool:
        """Whether a box lies in the room of somebody who has just been found elsewhere in it."""
        return any(
            track.is_confirmed
            and track.seen_s == self._time_s
            and box.common(track.room) >= _INSIDE * box.area
            for track in self._tracks
        )

    def _meetings(self, boxes: Sequence[Box]) -> dict[int, list[Track]]:
        """The boxes that hold several people who are followed, and who they are."""
        confirmed = [track for track in self._tracks if track.is_confirmed]
        found = {}
        for column, box in enumerate(boxes):
            held = [track for track in confirmed if box.common(track.box) > track.box.area / 2]
            own = [other for other in boxes if any(other.overlap(t.box) > 0.2 for t in held)]
            if len(held) > max(1, len(own) if box in own else len(own) + 1):
                found[column] = held
        return found

    def _assignment(
        self,
        boxes: Sequence[Box],
        colors: Sequence[NDArray[np.float64]],
        shared: set[int],
    ) -> list[tuple[int, int]]:
        """Pairs of a track and a box that nobody shares."""
        if not self._tracks or not boxes:
            return []
        from scipy.optimize import linear_sum_assignment  # of the extra "people"

        costs = np.full((len(self._tracks), len(boxes)), 1e3)
        for row, track in enumerate(self._tracks):
            for column, box in enumerate(boxes):
                if column not in shared:
                    costs[row, column] = min(1e3, track.cost(box, colors[column]))
        rows, columns = linear_sum_assignment(costs)
        pairs = zip(rows.tolist(), columns.tolist(), strict=True)
        return [(row, column) for row, column in pairs if costs[row, column] < _FARTHEST]


def _meet(tracks: Sequence[Track], box: Box) -> None:
    """Several people are in one box; its edges tell how far those have come who move."""
    for track in tracks:
        track.meet(box)
    if len(tracks) < 2:
        return
    beyond = box.right - max(track.room.right for track in tracks)
    runner = max(tracks, key=lambda track: track.speed[0])
    if beyond > 0 and runner.speed[0] > 0:
        runner.hurry(beyond)
    beyond = box.left - min(track.room.left for track in tracks)
    runner = min(tracks, key=lambda track: track.speed[0])
    if beyond < 0 and runner.speed[0] < 0:
        runner.hurry(beyond)


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
