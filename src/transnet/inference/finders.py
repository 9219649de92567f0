"""Where people come from: a detector of torchvision, or the masks of our own segmenter."""

from __future__ import annotations

import torch

from transnet.config import Crop, Device
from transnet.data.people.boxes import Box
from transnet.data.video.frames import Pixels
from transnet.errors import TransNetError
from transnet.inference.detector import PersonDetector, cached_detector, load_detector, what_to_give
from transnet.inference.segmenter import PersonSegmenter, load_segmenter
from transnet.model.encoder import weights_digest
from transnet.runtimes.device import find_device
from transnet.utils.progress import warn

EXTRA = "pip install 'transnet-har[people]'"


class PeopleFinder:
    """Finds the people in pictures; made by :func:`find_people`.

    Attributes:
        name: of the network and its weights, to compare.
    """

    def __init__(self, source: PersonDetector | PersonSegmenter) -> None:
        self._source = source
        if isinstance(source, PersonDetector):
            self.name = f"detector {source.name} {source.fingerprint()[:12]}"
        else:
            digest = weights_digest(source.model.state_dict())
            self.name = f"segmenter {source.info.backbone.name} {digest[:12]}"

    def __call__(self, pixels: Pixels) -> list[Box]:
        """A box around each person in a picture, uint8 RGB ``(H, W, 3)``."""
        if isinstance(self._source, PersonDetector):
            return self._source.boxes(pixels)
        from transnet.data.people.masks import boxes_of_mask

        return boxes_of_mask(self._source.probabilities(pixels[None])[0])

    def __repr__(self) -> str:
        return f"PeopleFinder({self.name})"


def find_people(
    *,
    segmenter: str | None = None,
    detector: str | None = None,
    device: Device | str | torch.device = "auto",
) -> PeopleFinder:
    """What finds people.

    Args:
        segmenter: the ``--out`` folder of ``transnet pretrain``; people are the connected parts of
            its masks.
        detector: a file with the weights of a detector of torchvision, or its name, with weights
            in torchvision's cache. If neither is given, a detector from that cache.
        device: ``auto`` (CUDA where it is available, else the CPU), ``cpu``, ``cuda`` or ``mps``.

    Returns:
        A function from a picture, uint8 RGB ``(H, W, 3)``, to a list of boxes.

    Raises:
        TransNetError: both are given, or neither and there is no detector in the cache; one of
            them cannot be read; or scipy is missing.

    Example:
        >>> finder = transnet.find_people(segmenter="runs/shape")
        >>> picture = transnet.read_clip("clip.mp4", transnet.ClipConfig()).frames[0]
        >>> all(box.area > 0 for box in finder(picture))
        True
    """
    try:
        import scipy  # noqa: F401  # here, before a network is loaded
    except ModuleNotFoundError as error:
        raise TransNetError(
            f"people are followed with scipy, which is not installed; install it with: {EXTRA}"
        ) from error
    if segmenter is not None and detector is not None:
        raise TransNetError(
            f"segmenter is {segmenter!r}, but a detector is given too; give one of them."
        )
    where = device if isinstance(device, torch.device) else find_device(device)
    if segmenter is not None:
        return PeopleFinder(load_segmenter(segmenter, device=where.type, option="--segmenter"))
    chosen = detector or cached_detector()
    if chosen is None:
        raise TransNetError(
            "people have to be found first; give --segmenter (a run folder of transnet pretrain) "
            f"or --detector ({what_to_give()})."
        )
    return PeopleFinder(load_detector(chosen, where))


def finder_of_crops(
    crop: Crop,
    *,
    segmenter: str | None,
    detector: str | None,
    device: Device | str | torch.device,
    trained_with: str = "",
) -> PeopleFinder | None:
    """What finds the people whom clips are cropped to; ``None`` if clips are not cropped.

    Args:
        crop: of the clips.
        segmenter: as for :func:`find_people`.
        detector: as for :func:`find_people`.
        device: as for :func:`find_people`.
        trained_with: what found them in training, if that is over; a warning names another one.

    Raises:
        TransNetError: clips are not cropped, but one is given; or as of :func:`find_people`.
    """
    if crop == "people":
        find = find_people(segmenter=segmenter, detector=detector, device=device)
        warn_of_another(trained_with, find)
        return find
    if segmenter is not None or detector is not None:
        raise TransNetError(
            f"crop is {crop!r}, but a segmenter or a detector is given, which find people; leave "
            "it out, or train with --crop people."
        )
    return None


def warn_of_another(trained_with: str, find: PeopleFinder) -> None:
    """Say so if people were found by something else in training."""
    if trained_with and trained_with != find.name:
        warn(
            f"the run is trained on people found by {trained_with}; {find.name} may give other "
            "crops"
        )
