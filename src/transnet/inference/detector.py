"""People found by a detector of torchvision, with weights that the user has."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import get_model, get_model_weights

from transnet.data.people.boxes import Box
from transnet.data.video.frames import Pixels
from transnet.errors import TransNetError
from transnet.model.encoder import weights_digest

DETECTORS = (
    "fasterrcnn_mobilenet_v3_large_320_fpn",
    "ssdlite320_mobilenet_v3_large",
    "fasterrcnn_mobilenet_v3_large_fpn",
    "fasterrcnn_resnet50_fpn",
    "fasterrcnn_resnet50_fpn_v2",
    "retinanet_resnet50_fpn",
    "retinanet_resnet50_fpn_v2",
    "fcos_resnet50_fpn",
    "ssd300_vgg16",
)
"""Detectors of torchvision; the first whose weights are in its cache is the default."""

_PERSON = 1  # in COCO, with the background as class 0
_LEAST_SCORE = 0.6


class PersonDetector:
    """Finds people with a detector of torchvision that was trained on COCO.

    It computes on the device that ``network`` is on, also after the network is moved.

    Attributes:
        name: the architecture, one of :data:`DETECTORS`.
        network: the detector.
    """

    def __init__(self, name: str, network: nn.Module) -> None:
        self.name, self.network = name, network.eval()

    @torch.inference_mode()
    def boxes(self, pixels: Pixels) -> list[Box]:
        """A box around each person in a picture, uint8 RGB ``(H, W, 3)``."""
        device = next(self.network.parameters()).device
        picture = torch.tensor(pixels, device=device).permute(2, 0, 1).float() / 255
        found = self.network([picture])[0]
        sure = (found["labels"] == _PERSON) & (found["scores"] >= _LEAST_SCORE)
        return [Box(*box) for box in found["boxes"][sure].tolist()]

    def fingerprint(self) -> str:
        """A hash of the architecture and the weights."""
        return weights_digest(self.network.state_dict(), self.name.encode())


def load_detector(choice: str, device: torch.device) -> PersonDetector:
    """Load a detector.

    Args:
        choice: a file of weights, as torchvision publishes them or as ``torch.save`` wrote the
            ``state_dict`` of such a detector, in a file whose name begins with that of the
            architecture where weights fit two; or a name of :data:`DETECTORS` whose weights are
            in torchvision's cache.
        device: where it computes.

    Raises:
        TransNetError: there is no such file or name, or the weights are of something else,
            or fit two architectures.
    """
    path = Path(choice).expanduser()
    if choice in DETECTORS:
        path = _cached(choice)
        if not path.is_file():
            raise TransNetError(
                f"detector is {choice!r}, but its weights are not at {path}; download "
                f"{_address(choice)} and give the file, or use --segmenter."
            )
    elif not path.is_file():
        raise TransNetError(
            f"detector is {choice!r}, which is no file; accepted: a file of weights, or one of "
            f"{', '.join(DETECTORS)}."
        )
    state = _read(path)
    name = choice if choice in DETECTORS else _architecture(path, state)
    network = _build(name, state)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise TransNetError(f"{path} does not hold the weights of {name} ({error}).") from error
    return PersonDetector(name, network.to(device))


def cached_detector() -> str | None:
    """The first of :data:`DETECTORS` whose weights are in torchvision's cache."""
    return next((name for name in DETECTORS if _cached(name).is_file()), None)


def what_to_give() -> str:
    """How a user gets the weights of the default detector, as part of a sentence."""
    return (
        f"the weights of a detector of torchvision, such as {_address(DETECTORS[0])}, which are "
        f"found by themselves in {_cached(DETECTORS[0]).parent}"
    )


def _address(name: str) -> str:
    return str(get_model_weights(name)["COCO_V1"].url)


def _cached(name: str) -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints" / os.path.basename(_address(name))


def _read(path: Path) -> dict[str, Tensor]:
    try:
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a file that is none of its own
        raise TransNetError(
            f"detector is {str(path)!r}, which cannot be read as weights of PyTorch ({error})."
        ) from error
    if not isinstance(state, Mapping) or not all(isinstance(v, Tensor) for v in state.values()):
        raise TransNetError(
            f"detector is {str(path)!r}, which holds no weights by name; accepted: the state_dict "
            "of a detector of torchvision."
        )
    return dict(state)


def _architecture(path: Path, state: Mapping[str, Tensor]) -> str:
    """The name that begins the file's name, as torchvision's do; else the only one that fits."""
    named = [name for name in DETECTORS if path.name.startswith(name)]
    if named:
        return max(named, key=len)
    keys = state.keys()
    fitting = [
        name for name in DETECTORS if keys == _build(name, state, device="meta").state_dict().keys()
    ]
    if not fitting:
        raise TransNetError(
            f"detector is {str(path)!r}, whose weights are of none of {', '.join(DETECTORS)}."
        )
    if len(fitting) > 1:  # they differ in the size of their input only
        raise TransNetError(
            f"detector is {str(path)!r}, whose weights fit {' and '.join(fitting)}; rename the "
            "file so that its name begins with that of its architecture."
        )
    return fitting[0]


def _build(name: str, state: Mapping[str, Tensor], device: str = "cpu") -> nn.Module:
    """A detector with as many classes as its weights, 91 for those of COCO."""
    heads = [value for key, value in state.items() if key.endswith("cls_score.bias")]
    classes = len(heads[0]) if heads else 91
    with torch.device(device):
        network: nn.Module = get_model(
            name, weights=None, weights_backbone=None, num_classes=classes
        )
    return network
