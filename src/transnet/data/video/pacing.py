"""Which frames of a stream are due, decided as they arrive."""

from __future__ import annotations

import numpy as np


class FramePacer:
    """Chooses frames a fixed time apart: the first frame of every interval of ``every_s`` seconds.

    Intervals are counted from the first frame, so lost frames never shift later ones.

    Args:
        every_s: seconds between two chosen frames; 0 chooses every frame.

    Example:
        >>> pacer = FramePacer(0.5)
        >>> [pacer.is_due(time_s) for time_s in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)]
        [True, False, False, True, False, True]
    """

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._first_s: float | None = None
        self._next_s = -np.inf

    def is_due(self, time_s: float) -> bool:
        """Whether the frame at this time is chosen; call once per frame, in order."""
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
        """Start over: the next frame belongs to another video."""
        self._first_s, self._next_s = None, -np.inf
