"""From a photo and its mask to what a network sees: one path to validate and to use, one to learn.

Unlike a clip's frame a photo is not cut square but squeezed into one, so that every pixel of it
gets an answer.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from transnet.data.photos import NEUTRAL, MaskedPhoto
from transnet.data.preprocessing import Pixels

_GREY = 127


class PhotoView:
    """Prepares photos for a network.

    Args:
        size: height and width of what comes out, in pixels.
        mean: mean of RGB in 0..1, subtracted.
        std: standard deviation of RGB in 0..1, by which is divided.
    """

    def __init__(self, size: int, mean: Sequence[float], std: Sequence[float]) -> None:
        self._mean, self._std = tuple(mean), tuple(std)
        self._squeeze = v2.Resize((size, size), antialias=True)
        # Image and mask take the same crop, turn, zoom and mirror; colours change in the image
        # alone. What comes into view from outside the photo does not count. Zooming out matters:
        # photos show persons close up, videos often whole and far away.
        self._vary = v2.Compose([
            v2.RandomResizedCrop(size, scale=(0.4, 1.0), ratio=(0.5, 2.0), antialias=True),
            v2.RandomAffine(
                10, scale=(0.5, 1.25), interpolation=v2.InterpolationMode.BILINEAR,
                fill={tv_tensors.Image: _GREY, tv_tensors.Mask: NEUTRAL},
            ),
            v2.RandomHorizontalFlip(),
            v2.ColorJitter(brightness=0.3, contrast=0.3, saturation=0.3, hue=0.02),
            v2.RandomGrayscale(0.05),
        ])  # fmt: skip

    def whole(self, frames: Pixels) -> Tensor:
        """uint8 pictures ``(N, H, W, 3)`` to normalised ones ``(N, 3, size, size)``."""
        planes = torch.tensor(frames).permute(0, 3, 1, 2)
        return self._normalised(self._squeeze(planes))

    def pair(self, photo: MaskedPhoto, seed: int | None = None) -> tuple[Tensor, Tensor]:
        """A photo to a normalised picture ``(3, size, size)`` and its mask ``(size, size)``.

        Args:
            photo: the photo.
            seed: chooses how it is varied; not varied if not given.
        """
        image = tv_tensors.Image(torch.tensor(photo.pixels).permute(2, 0, 1))
        mask = tv_tensors.Mask(torch.tensor(photo.mask))
        if seed is None:
            image, mask = self._squeeze(image, mask)
        else:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                image, mask = self._vary(image, mask)
        return self._normalised(image.as_subclass(Tensor)), mask.as_subclass(Tensor)

    def _normalised(self, planes: Tensor) -> Tensor:
        return v2.functional.normalize(planes.float() / 255, list(self._mean), list(self._std))
