"""A stream: frames are pushed in as they come, predictions come out."""

from __future__ import annotations

import av
import numpy as np
import torch

from transnet.checkpoints.run import RunInfo
from transnet.config import StreamConfig
from transnet.data.preprocessing import Preprocessor, normalize
from transnet.data.video.frames import Pixels, rgb_frame
from transnet.data.video.pacing import FramePacer
from transnet.data.views import CENTER
from transnet.errors import TransNetError
from transnet.inference.prediction import Prediction
from transnet.model.networks import Network
from transnet.model.streaming import StreamingTransNet
from transnet.model.transnet import TransNet


class StreamSession:
    """The state of one stream; make it with ``Recognizer.stream_session``.

    ::

        session = recognizer.stream_session()
        for frame, time_s in my_camera():              # uint8 RGB (H, W, 3), seconds
            prediction = session.push(frame, time_s)   # None until a window is full

    Each frame costs one pass through the backbone; the frames of the last window stay as a few
    numbers each, so memory does not grow. Not for several threads.

    Attributes:
        seen: the square of the last frame as the network saw it, uint8 RGB ``(size, size, 3)``.
    """

    def __init__(self, info: RunInfo, model: Network, config: StreamConfig, name: str) -> None:
        self._info, self._name = info, name
        if not isinstance(model, TransNet):
            raise TransNetError(
                f"{info.backbone} sees a clip as a whole, so it cannot watch a stream; accepted: "
                "runs with an image network as their backbone."
            )
        self._stream = StreamingTransNet(model, window_step_s(info, config))
        self._pacer = FramePacer(interval_s(info, config))
        self._preprocess = Preprocessor(info.clip.size)
        self._device = next(model.parameters()).device
        self.seen: Pixels = np.zeros((info.clip.size, info.clip.size, 3), np.uint8)

    @property
    def span_s(self) -> float:
        """Seconds from the first to the last frame of a window."""
        return self._stream.span_s

    def push(self, frame: Pixels | av.VideoFrame, time_s: float) -> Prediction | None:
        """See one more frame.

        Args:
            frame: uint8 RGB ``(H, W, 3)``, upright, or a decoded frame of PyAV, whose pixels then
                are exactly those of a clip.
            time_s: when it is shown, in seconds; never before the last one.

        Returns:
            The prediction of the window that ends with this frame; ``None`` as long as no window
            is full, and for a frame that is not due (``every_s``).

        Raises:
            TransNetError: the frame has another form, or the time goes backwards.
        """
        if not self._pacer.is_due(time_s):
            return None
        picture = frame if isinstance(frame, av.VideoFrame) else rgb_frame(frame)
        self.seen = self._preprocess([picture], CENTER)[0]
        pixels = torch.from_numpy(normalize(self.seen, self._info.mean, self._info.std))
        window = self._stream.push(pixels.to(self._device), time_s)
        if window is None:
            return None
        start_s, end_s = window.times_s[0], window.times_s[-1]
        scores = window.logits.softmax(dim=0).tolist()
        return Prediction.of(self._name, self._info.classes, scores, start_s, end_s)

    def reset(self) -> None:
        """Forget every frame: what comes is another video, or there was a gap."""
        self._stream.reset()
        self._pacer.reset()


def interval_s(info: RunInfo, config: StreamConfig) -> float:
    """Seconds between two frames that are looked at; 0: every frame."""
    return window_step_s(info, config) if config.every_s == "step" else config.every_s or 0.0


def window_step_s(info: RunInfo, config: StreamConfig) -> float:
    """Seconds between two frames of a window: what the user says, else as in training.

    Raises:
        TransNetError: the run does not know it.
    """
    step_s = config.step_s or info.step_s
    if not step_s and info.clip.sampling == "stride":
        return info.clip.stride_s
    if not step_s:
        raise TransNetError(
            "the run does not say how far apart the frames of its training clips are (it is of an "
            "older version); say it with --step-s: the seconds that a clip lasts / "
            f"{info.clip.frames}."
        )
    return step_s
