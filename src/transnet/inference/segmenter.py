"""Segmentation of people in photos and frames of videos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from transnet.checkpoints.segmenter import SegmenterInfo, load_segmenter_network
from transnet.config import Device
from transnet.data.photos.transforms import PhotoTransform
from transnet.data.video.frames import Pixels
from transnet.model.networks import device_of
from transnet.model.segmenter import Segmenter
from transnet.runtimes.device import find_device

_BATCH = 16


def load_segmenter(
    run: str | Path, *, device: Device | str = "auto", option: str = "RUN"
) -> PersonSegmenter:
    """Load the segmenter of a pretraining.

    Args:
        run: the ``--out`` folder of ``transnet pretrain``, or a copy of it.
        device: ``auto`` (CUDA where it is available, else the CPU), ``cpu``, ``cuda`` or ``mps``.
        option: the folder's name in error messages.

    Raises:
        TransNetError: ``run`` is no such folder, its training has not ended, or there is no such
            device.

    Example:
        >>> segmenter = transnet.load_segmenter("runs/shape")
        >>> segmenter.probabilities(transnet.read_clip("clip.mp4", ClipConfig()).frames).shape
        (12, 224, 224)
    """
    chosen = find_device(device)
    model, info = load_segmenter_network(run, option)
    return PersonSegmenter(model.to(chosen), info)


class PersonSegmenter:
    """Finds the pixels of people.

    It computes on the device that ``model`` is on, also after the model is moved.

    Attributes:
        info: the description of the segmenter: backbone, preprocessing, training.
        model: the network.
    """

    def __init__(self, model: Segmenter, info: SegmenterInfo) -> None:
        self.info = info
        self.model = model.to(memory_format=torch.channels_last)
        self._view = PhotoTransform(info.training.size, info.backbone.mean, info.backbone.std)

    @torch.inference_mode()
    def probabilities(self, frames: Pixels) -> NDArray[np.float32]:
        """The probability of "person" at each pixel.

        Frames are independent of each other; each is resized to the network's square.

        Args:
            frames: uint8 RGB ``(T, H, W, 3)``, of any size.

        Returns:
            float32 ``(T, H, W)``, 0..1.
        """
        training = self.model.training
        self.model.eval()
        device = device_of(self.model)
        found = np.empty(frames.shape[:3], np.float32)
        for start in range(0, len(frames), _BATCH):
            part = frames[start : start + _BATCH]
            inputs = self._view.whole(part).contiguous(memory_format=torch.channels_last)
            person = self.predict(inputs.to(device))
            if person.shape[1:] != part.shape[1:3]:
                person = F.interpolate(person[:, None], part.shape[1:3], mode="bilinear")[:, 0]
            found[start : start + _BATCH] = person.cpu().numpy()
        self.model.train(training)
        return found

    @torch.inference_mode()
    def predict(self, photos: Tensor) -> Tensor:
        """The probability of "person" at each pixel of normalized photos.

        It is the mean over the photo and its mirror image, which is more accurate than either.

        Args:
            photos: ``(N, 3, size, size)``, on the network's device.

        Returns:
            ``(N, size, size)``, 0..1.
        """
        plain = self.model(photos).float().sigmoid()
        mirrored = self.model(photos.flip(3)).float().sigmoid().flip(2)
        return (plain + mirrored) / 2

    def __repr__(self) -> str:
        return f"PersonSegmenter({self.info.backbone.name}, {self.info.backbone.pretraining})"
