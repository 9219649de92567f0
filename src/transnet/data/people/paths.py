"""The way of a person through a video: a box at any time."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transnet.data.people.boxes import Box, around


class Step(NamedTuple):
    """A person at one moment.

    Attributes:
        time_s: the moment, in seconds.
        box: the room that the person takes, in pixels of what is watched.
        speed: of the box, in pixels a second to the right and down.
    """

    time_s: float
    box: Box
    speed: tuple[float, float]


@dataclass(frozen=True)
class PersonPath:
    """The way of a person through a video.

    Attributes:
        steps: in order of time; empty if nobody was found.
        problem: why there is nobody, as the end of a sentence that begins with the video.

    Example:
        >>> path = PersonPath((Step(0.0, Box(0, 0, 10, 40), (5.0, 0.0)),))
        >>> path.at(2.0)
        Box(left=10.0, top=0.0, right=20.0, bottom=40.0)
    """

    steps: tuple[Step, ...]
    problem: str = "shows nobody who could be followed."

    @property
    def start_s(self) -> float:
        """When the person was found first, in seconds."""
        return self.steps[0].time_s

    @property
    def end_s(self) -> float:
        """When the person was found last, in seconds."""
        return self.steps[-1].time_s

    @property
    def box(self) -> Box:
        """Around the whole way."""
        return around([step.box for step in self.steps])

    @property
    def presence(self) -> float:
        """How much the person fills the video: the sum of the areas of the boxes."""
        return sum(step.box.area for step in self.steps)

    def at(self, time_s: float) -> Box:
        """The room that the person takes at a time; before and after the way, at its ends."""
        step = self.steps[max(0, bisect_right(self._times_s, time_s + 1e-6) - 1)]
        elapsed_s = max(0.0, time_s - step.time_s)
        return step.box.moved(step.speed[0] * elapsed_s, step.speed[1] * elapsed_s)

    @cached_property
    def _times_s(self) -> list[float]:
        return [step.time_s for step in self.steps]

    def to_array(self) -> NDArray[np.float64]:
        """The steps as numbers, ``(S, 7)``."""
        rows = [(step.time_s, *step.box, *step.speed) for step in self.steps]
        return np.array(rows, dtype=np.float64).reshape(-1, 7)

    @classmethod
    def from_array(cls, rows: NDArray[np.float64]) -> PersonPath:
        """The inverse of :meth:`to_array`."""
        steps = (Step(row[0], Box(*row[1:5]), (row[5], row[6])) for row in rows.tolist())
        return cls(tuple(steps))

    @property
    def digest(self) -> str:
        """A hash of the steps."""
        return hashlib.blake2b(self.to_array().tobytes(), digest_size=16).hexdigest()
