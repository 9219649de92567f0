"""The facts about a backbone and its weights, as all JSON files state them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

_KEYS = {
    "name": "backbone",
    "args": "backbone_args",
    "mean": "mean",
    "std": "std",
    "weights": "weights",
    "pretraining": "pretraining",
    "license": "license",
    "digest": "weights_digest",
}
"""Attribute to JSON key. The files are flat, so the keys say whose they are."""


@dataclass(frozen=True)
class BackboneRecord:
    """A backbone, its input normalization, and where its weights came from.

    Attributes:
        name: model name of ``timm``, or a video network of torchvision.
        args: additional arguments of ``timm.create_model``.
        mean: mean of RGB in 0..1, subtracted from a frame.
        std: standard deviation of RGB in 0..1, by which a frame is divided.
        weights: source of the weights: a file name, ``timm hub: ...``, ``random``.
        pretraining: what they were trained on, in order, joined by ``+``: ``none``, ``imagenet``,
            ``in21k+imagenet``, ``imagenet+hss``.
        license: license of the weights.
        digest: hash of the weights; empty for random or unrecorded ones.
    """

    name: str
    args: dict[str, Any] = field(default_factory=dict)
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)
    weights: str = "unknown"
    pretraining: str = "unknown"
    license: str = "unknown"
    digest: str = ""


def flatten(info: Any) -> dict[str, Any]:
    """The JSON values of a dataclass with a field ``backbone``, a :class:`BackboneRecord`."""
    values: dict[str, Any] = {}
    for name, value in asdict(info).items():
        if name == "backbone":
            values.update({_KEYS[attribute]: part for attribute, part in value.items()})
        else:
            values[name] = value
    return values


def gather(values: dict[str, Any]) -> dict[str, Any]:
    """The inverse of :func:`flatten`: the same values, ``backbone`` a :class:`BackboneRecord`.

    Files of older versions lack some keys; their attributes keep the default.

    Raises:
        KeyError: there is no ``backbone``, ``mean`` or ``std``.
    """
    parts = {attribute: values[key] for attribute, key in _KEYS.items() if key in values}
    parts.update(name=values["backbone"], mean=tuple(values["mean"]), std=tuple(values["std"]))
    return {**values, "backbone": BackboneRecord(**parts)}
