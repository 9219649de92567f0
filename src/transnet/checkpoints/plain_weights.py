"""Weights files of others, without our metadata: ``.pth``, ``.pt``, ``.bin``, ``.safetensors``.

The backbone is named by the user. The names of the weights may be those of ``timm``, also behind a
prefix (``module.``, ``model.``, ``backbone.``), those that ``timm`` knows to convert, or any others
whose shapes agree with the network's one by one, in order, as torchvision's do.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import timm
import torch
from torch import Tensor

from transnet.checkpoints.backbone_record import BackboneRecord
from transnet.checkpoints.weights_file import read_weights
from transnet.errors import TransNetError
from transnet.model.backbone import check_backbone_name
from transnet.model.own_parts import is_own
from transnet.model.video_network import VIDEO_BACKBONES

MAX_PREFIXES = 4
MAX_CLASSIFIER = 2
"""Weights of a classifier: a matrix and a bias."""

SUFFIXES = (".pth", ".pt", ".bin", ".tar")
_NESTED = ("state_dict_ema", "model_ema", "state_dict", "model_state_dict", "model", "teacher")
_PREFIXES = ("module.", "model.", "_orig_mod.", "backbone.", "encoder.", "network.")

State = dict[str, Tensor]


def read_plain_weights(path: Path, backbone: str | None) -> tuple[BackboneRecord, State]:
    """Read the weights of a backbone from a file without metadata.

    Args:
        path: the file; nothing but tensors is unpickled from it.
        backbone: model name of ``timm``.

    Raises:
        TransNetError: no backbone is named, the file holds no weights, or they do not fit.
    """
    if backbone is None:
        raise TransNetError(
            f"weights is {str(path)!r}, which does not say which network its weights are of; "
            "name it with --backbone, a model name of timm such as resnet50."
        )
    if backbone in VIDEO_BACKBONES or is_own(backbone):
        raise TransNetError(
            f"weights is {str(path)!r}, which holds weights of an image network; {backbone} is "
            "none of timm's."
        )
    check_backbone_name(backbone)
    found = read_weights(path)[0] if path.suffix == ".safetensors" else _unpickled(path)
    state = fit_to_network(found, backbone, {}, str(path))
    config = timm.get_pretrained_cfg(backbone)
    mean, std = (config.mean, config.std) if config else ((0.5,) * 3, (0.5,) * 3)
    return BackboneRecord(backbone, {}, tuple(mean), tuple(std), path.name), state


def fit_to_network(found: State, backbone: str, args: dict[str, Any], source: str) -> State:
    """Weights under the names of a network of ``timm``, those of its classifier left out.

    Args:
        found: the weights under any names.
        backbone: model name of ``timm``.
        args: additional arguments of ``timm.create_model``.
        source: where they are from, for the error.

    Raises:
        TransNetError: neither names nor shapes agree.
    """
    network: Any = timm.create_model(backbone, **{**args, "pretrained": False, "num_classes": 0})
    state = _by_name(found, network) or _by_order(found, network)
    if state is None:
        expected = network.state_dict()
        raise TransNetError(
            f"{source} does not fit backbone {backbone!r}: {len(expected)} weights are expected, "
            f"{len(found)} were found, and neither names nor shapes agree (expected first: "
            f"{_first(expected)}; found first: {_first(found)})."
        )
    return state


def _unpickled(path: Path) -> State:
    try:
        values: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (EOFError, LookupError, OSError, RuntimeError, ValueError, UnpicklingError) as error:
        reason = str(error).strip().partition("\n")[0][:200]
        raise TransNetError(
            f"{path} is not a readable file of weights ({reason}); accepted: a dictionary of "
            "tensors, written by torch.save(model.state_dict(), ...)."
        ) from error
    for name in _NESTED:
        if isinstance(values, Mapping) and isinstance(values.get(name), Mapping):
            values = values[name]
    if not isinstance(values, Mapping):
        values = {}
    state = {str(name): value for name, value in values.items() if isinstance(value, Tensor)}
    if not state:
        raise TransNetError(
            f"{path} holds no weights; accepted: a dictionary of tensors, written by "
            "torch.save(model.state_dict(), ...)."
        )
    for name, value in state.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise TransNetError(f"{path} is damaged: {name!r} holds values that are no numbers.")
    return state


def _by_name(found: State, network: Any) -> State | None:
    """The weights if their names are the network's, behind a prefix, or known to ``timm``."""
    expected = network.state_dict()
    convert = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)
    state = found
    for _ in range(MAX_PREFIXES):
        if _fits(state, expected):
            return state
        if convert is not None:
            # Made for the files that timm knows, it may fail on others with any error.
            with suppress(Exception):
                converted = dict(convert(dict(state), network))
                if _fits(converted, expected):
                    return converted
        state = {_without_prefix(name): value for name, value in state.items()}
    return None


def _by_order(found: State, network: Any) -> State | None:
    """The weights under the network's names, if the shapes agree one by one."""
    expected = {name: v for name, v in network.state_dict().items() if v.ndim}
    values = [value for value in found.values() if value.ndim]  # the others count batches
    if not len(expected) <= len(values) <= len(expected) + MAX_CLASSIFIER:
        return None
    pairs = list(zip(expected.items(), values, strict=False))
    # A dense layer of one may be a convolution of the other, (1280, 960) and (1280, 960, 1, 1).
    if any(len(own) != len(v) or own.numel() != v.numel() for (_, own), v in pairs):
        return None
    return {name: value.reshape(own.shape) for (name, own), value in pairs}


def _fits(state: Mapping[str, Tensor], expected: State) -> bool:
    return all(
        name in state and state[name].shape == value.shape
        for name, value in expected.items()
        if not name.endswith("num_batches_tracked")
    )


def _without_prefix(name: str) -> str:
    prefix = next((prefix for prefix in _PREFIXES if name.startswith(prefix)), "")
    return name.removeprefix(prefix)


def _first(state: State) -> str:
    name, value = next(iter(state.items()))
    return f"{name[:80]} {tuple(value.shape)}"
