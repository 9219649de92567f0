"""A stream: push frames as they arrive, get predictions."""

from __future__ import annotations

import av
import numpy as np

from transnet.checkpoints.run import RunInfo
from transnet.config import StreamConfig
from transnet.data.clips import require_whole_pictures
from transnet.data.preprocessing import Preprocessor
from transnet.data.video.frames import Pixels, rgb_frame
from transnet.data.video.pacing import FramePacer
from transnet.data.views import CENTER
from transnet.errors import TransNetError
from transnet.inference.prediction import Prediction
from transnet.model.networks import Network, device_of
from transnet.model.normalization import Normalization
from transnet.model.novelty import NoveltyDetector
from transnet.model.scoring import Scoring
from transnet.model.streaming import StreamingTransNet, Window
from transnet.model.transnet import TransNet


class StreamSession:
    """The state of one stream; ``Recognizer.stream_session`` makes one.

    ::

        session = recognizer.stream_session()
        for frame, time_s in my_camera():              # uint8 RGB (H, W, 3), seconds
            prediction = session.push(frame, time_s)   # None until a window is full

    Each frame costs one pass through the backbone. Of each frame of the last window a few numbers
    are kept, so memory does not grow. Not thread-safe.

    Attributes:
        seen: the network's input for the last frame, uint8 RGB ``(size, size, 3)``.
    """

    def __init__(
        self,
        info: RunInfo,
        model: Network,
        config: StreamConfig,
        name: str,
        novelty: NoveltyDetector | None = None,
    ) -> None:
        self._info, self._name = info, name
        require_whole_pictures(info.clip)
        if not isinstance(model, TransNet):
            raise TransNetError(
                f"{info.backbone.name} needs whole clips, so it cannot classify a stream; "
                "accepted: runs with an image network as their backbone."
            )
        self._model = model
        self._stream = StreamingTransNet(model, window_step_s(info, config), novelty)
        self._pacer = FramePacer(interval_s(info, config))
        self._preprocess = Preprocessor(info.clip.size, info.clip.region)
        self._normalization = Normalization(info.backbone.mean, info.backbone.std)
        self.seen: Pixels = np.zeros((info.clip.size, info.clip.size, 3), np.uint8)

    @property
    def span_s(self) -> float:
        """Seconds from the first to the last frame of a window."""
        return self._stream.span_s

    def push(self, frame: Pixels | av.VideoFrame, time_s: float) -> Prediction | None:
        """Process the next frame.

        Args:
            frame: uint8 RGB ``(H, W, 3)``, upright, or a decoded frame of PyAV, which gives
                exactly the pixels of a clip.
            time_s: presentation time, in seconds; never decreasing.

        Returns:
            The prediction of the window that ends with this frame; ``None`` until the first window
            is full, and for frames that are skipped (``every_s``).

        Raises:
            TransNetError: the frame has another shape or type, or the time decreases.
        """
        if not self._pacer.is_due(time_s):
            return None
        picture = frame if isinstance(frame, av.VideoFrame) else rgb_frame(frame)
        self.seen = self._preprocess([picture], CENTER)[0]
        pixels = self._normalization.on(device_of(self._model), self.seen)
        window = self._stream.push(pixels, time_s)
        if window is None:
            return None
        return prediction_of(window, self._info, self._model.scoring, self._name)

    def reset(self) -> None:
        """Forget all frames: another video starts, or frames are missing."""
        self._stream.reset()
        self._pacer.reset()


def prediction_of(window: Window, info: RunInfo, scoring: Scoring, name: str) -> Prediction:
    """The prediction of a window.

    Args:
        window: what the network makes of it.
        info: the record of the run.
        scoring: that of the network.
        name: of the stream.
    """
    scores = scoring.probabilities(window.logits).tolist()
    return Prediction.of(
        name,
        info.outputs,
        scores,
        window.times_s[0],
        window.times_s[-1],
        known=window.known,
        thresholds=scoring.thresholds,
    )


def interval_s(info: RunInfo, config: StreamConfig) -> float:
    """Seconds between two processed frames; 0: every frame."""
    return window_step_s(info, config) if config.every_s == "step" else config.every_s or 0.0


def window_step_s(info: RunInfo, config: StreamConfig) -> float:
    """Seconds between two frames of a window: ``config.step_s``, else that of training clips.

    Raises:
        TransNetError: neither is known.
    """
    step_s = config.step_s or info.step_s
    if not step_s and info.clip.sampling == "stride":
        return info.clip.stride_s
    if not step_s:
        raise TransNetError(
            "step_s is not set, and the run does not record the time between two frames of its "
            "training clips (an older version made it); set --step-s to the duration of a clip in "
            f"seconds / {info.clip.frames}."
        )
    return step_s
