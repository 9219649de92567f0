"""Which frames of a stream are due, as they come."""

from __future__ import annotations

import numpy as np


class Pace:
    """Chooses frames a fixed time apart as they come: the first one of every ``every_s`` seconds.

    Frames that are lost never shift the ones that follow.

    Args:
        every_s: seconds between two frames; 0 chooses every frame.
    """

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._first_s: float | None = None
        self._next_s = -np.inf

    def is_due(self, time_s: float) -> bool:
        """Whether the frame of this time is chosen; ask once a frame, in order."""
        if self._every_s <= 0:
            return True
        if time_s < self._next_s - 1e-6:
            return False
        if self._first_s is None:
            self._first_s = time_s
        passed = np.floor((time_s - self._first_s + 1e-6) / self._every_s)
        self._next_s = self._first_s + (passed + 1) * self._every_s
        return True

    def reset(self) -> None:
        """Start anew with the next frame, which is another video's."""
        self._first_s, self._next_s = None, -np.inf
