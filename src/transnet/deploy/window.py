"""The window of a stream with exported models: each frame is encoded once.

Needs numpy and the runtime of the export, and no torch.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transnet.data.video.frames import Pixels
from transnet.deploy.runtime import ExportedRecognizer


class WindowScores(NamedTuple):
    """What the models make of a window.

    Attributes:
        probabilities: of each output, ``(C,)``, 0..1.
        distance: to the nearest training clip, 0..2; ``None`` if it is not computed.
        known: whether the window is like the training clips; true where no distance is computed.
    """

    probabilities: NDArray[np.float32]
    distance: float | None
    known: bool


class Window:
    """The last n frames of a stream, one step of the clip apart.

    Its scores are those of a clip of the same frames. For another video, make another window.

    Args:
        recognizer: an export, opened by :func:`transnet.deploy.runtime.load`.
        with_distance: whether to compute the distance to the training clips, if the export can; by
            default if the recognizer tells what is unknown.

    Raises:
        TransNetError: the models for streams are missing, or of an earlier version.

    Example::

        window = Window(load("exported"))
        for frame in frames:
            scores = window.push(frame)
            if scores is not None:
                print(scores.probabilities)
    """

    def __init__(
        self, recognizer: ExportedRecognizer, *, with_distance: bool | None = None
    ) -> None:
        num_frames = recognizer.info.clip.frames
        self._recognizer = recognizer
        tells = recognizer.threshold is not None
        self._with_distance = tells if with_distance is None else with_distance
        self._encode = recognizer.frame_stream()
        self._features: deque[NDArray[np.float32]] = deque(maxlen=num_frames)
        self._means: deque[NDArray[np.float32]] = deque(maxlen=num_frames)
        self._pairs: deque[NDArray[np.float32]] = deque(maxlen=num_frames - 1)

    def push(self, frame: Pixels) -> WindowScores | None:
        """Add a frame.

        Args:
            frame: uint8 RGB ``(size, size, 3)``, ``info.step_s`` seconds after the frame before.

        Returns:
            The scores of the last n frames; ``None`` until there are so many.

        Raises:
            TransNetError: the models do not take such a frame.
        """
        new = self._encode(frame[None])
        if self._features and new.pairs is not None:
            self._pairs.append(new.pairs)
        if new.means is not None and self._with_distance:
            self._means.append(new.means)
        self._features.append(new.features)
        return self._scores() if len(self._features) == self._features.maxlen else None

    def _scores(self) -> WindowScores:
        recognizer = self._recognizer
        pairs = _one_window(self._pairs) if self._pairs else None
        (probabilities,) = recognizer.classify(_one_window(self._features), pairs)
        if not self._means:
            return WindowScores(probabilities, None, True)
        distance = float(recognizer.window_distances(_one_window(self._means))[0])
        limit = recognizer.threshold
        return WindowScores(probabilities, distance, limit is None or distance <= limit)


def _one_window(rows: deque[NDArray[np.float32]]) -> NDArray[np.float32]:
    """The rows of single frames as a batch of one window."""
    return np.concatenate(rows)[None]
