"""A trained run, ready to answer."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from transnet import checkpoint
from transnet.checkpoint import RunInfo
from transnet.data.clips import Clip, read_clip
from transnet.data.preprocessing import normalise
from transnet.model.network import Network
from transnet.results import Prediction


def load(run: str | Path) -> Recognizer:
    """Load a trained run.

    Args:
        run: the ``--out`` folder of ``transnet train``, or a copy of it.

    Raises:
        TransNetError: it is no run folder, or its training has not ended.

    Example:
        >>> recognizer = transnet.load("runs/exercises")
        >>> recognizer.predict("clip.mp4").label
        'squat'
    """
    info = checkpoint.load_info(run)
    return Recognizer(info, checkpoint.load_model(run, info))


class Recognizer:
    """Tells which action a video shows.

    Attributes:
        info: what the run is: classes, preprocessing, training.
        model: the network, in evaluation mode.
    """

    def __init__(self, info: RunInfo, model: Network) -> None:
        self.info = info
        self.model = model.eval().to(memory_format=model.memory_format)

    @property
    def classes(self) -> tuple[str, ...]:
        """The actions that it can tell apart."""
        return self.info.classes

    def predict(
        self,
        path: str | Path,
        *,
        start: int | None = None,
        end: int | None = None,
        allow_partial: bool = False,
    ) -> Prediction:
        """Score one video as a whole.

        Args:
            path: the video file.
            start: first frame to look at, counted from 0; the beginning if not given.
            end: frame after the last one; the end of the file if not given.
            allow_partial: take the good frames of a damaged file and say so in ``damage``.

        Raises:
            VideoError: the file is missing, damaged or no video.
        """
        clip = read_clip(path, self.info.clip, start=start, end=end, allow_partial=allow_partial)
        return self.prediction(str(path), clip, self._probabilities(clip))

    def prediction(self, path: str, clip: Clip, probabilities: Tensor) -> Prediction:
        """Put the probabilities of a clip, ``(C,)``, in order and in words."""
        order = torch.argsort(probabilities, descending=True, stable=True).tolist()
        scores = {self.classes[index]: float(probabilities[index]) for index in order}
        times = clip.times_s
        return Prediction(path, scores, float(times[0]), float(times[-1]), clip.damage)

    @torch.inference_mode()
    def _probabilities(self, clip: Clip) -> Tensor:
        pixels = torch.from_numpy(normalise(clip.frames, self.info.mean, self.info.std))
        return self.model(pixels[None]).softmax(dim=1)[0]

    def __repr__(self) -> str:
        return f"Recognizer({self.info.backbone}, classes={', '.join(self.classes)})"
