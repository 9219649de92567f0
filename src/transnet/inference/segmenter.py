"""Where the people are, on photos and in the frames of videos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from transnet.checkpoints import segmenter as checkpoint
from transnet.checkpoints.segmenter import SegmenterInfo
from transnet.data.photos.transforms import PhotoTransform
from transnet.data.video.frames import Pixels
from transnet.model.segmenter import Segmenter

_BATCH = 16


def load_segmenter(
    run: str | Path, *, option: str = "RUN", device: str = "auto"
) -> PersonSegmenter:
    """Load the segmenter of a pretraining.

    Args:
        run: the ``--out`` folder of ``transnet pretrain``, or a copy of it.
        option: what the user calls it, for errors.

    Raises:
        TransNetError: it is no such folder, or its training has not ended.

    Example:
        >>> segmenter = transnet.load_segmenter("runs/shape")
        >>> segmenter.probabilities(transnet.read_clip("clip.mp4", ClipConfig()).frames).shape
        (12, 224, 224)
    """
    return PersonSegmenter(*checkpoint.load_segmenter(run, option))


class PersonSegmenter:
    """Tells for each pixel how likely it is a person's.

    Attributes:
        info: what the segmenter is: backbone, preprocessing, training.
        model: the network.
    """

    def __init__(self, model: Segmenter, info: SegmenterInfo) -> None:
        self.info = info
        self.model = model.to(memory_format=torch.channels_last)
        self._view = PhotoTransform(info.training.size, info.mean, info.std)

    @torch.inference_mode()
    def probabilities(self, frames: Pixels) -> NDArray[np.float32]:
        """The probability of "person" at each pixel.

        Each frame is looked at by itself, squeezed to the network's square.

        Args:
            frames: uint8 RGB ``(T, H, W, 3)``, of any size.

        Returns:
            float32 ``(T, H, W)``, 0..1.
        """
        training = self.model.training
        self.model.eval()
        device = next(self.model.parameters()).device
        found = np.empty(frames.shape[:3], np.float32)
        for start in range(0, len(frames), _BATCH):
            part = frames[start : start + _BATCH]
            inputs = self._view.whole(part).contiguous(memory_format=torch.channels_last)
            person = self.look(inputs.to(device))
            if person.shape[1:] != part.shape[1:3]:
                person = F.interpolate(person[:, None], part.shape[1:3], mode="bilinear")[:, 0]
            found[start : start + _BATCH] = person.cpu().numpy()
        self.model.train(training)
        return found

    @torch.inference_mode()
    def look(self, pictures: Tensor) -> Tensor:
        """The probability of "person" at each pixel of normalized pictures.

        They are looked at as they are and mirrored: the mean of the two is surer than either.

        Args:
            pictures: ``(N, 3, size, size)``, where the network is.

        Returns:
            ``(N, size, size)``, 0..1.
        """
        plain = self.model(pictures).float().sigmoid()
        mirrored = self.model(pictures.flip(3)).float().sigmoid().flip(2)
        return (plain + mirrored) / 2

    def __repr__(self) -> str:
        return f"PersonSegmenter({self.info.backbone}, {self.info.pretraining})"
