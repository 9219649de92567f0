"""The facts about a backbone and its weights, as all JSON files state them, and their types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
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
        ValueError: one of the values cannot be right.
    """
    parts = {attribute: values[key] for attribute, key in _KEYS.items() if key in values}
    mean, std = check_normalization(values["mean"], values["std"])
    parts.update(name=values["backbone"], mean=mean, std=std)
    if not isinstance(parts.get("args", {}), dict):
        raise ValueError(f"{_KEYS['args']} is {str(parts['args'])[:80]!r}")
    for attribute in set(parts) - {"args", "mean", "std"}:
        if not isinstance(parts[attribute], str):
            raise ValueError(f"{_KEYS[attribute]} is {str(parts[attribute])[:80]!r}")
    return {**values, "backbone": BackboneRecord(**parts)}


def check_normalization(mean: Any, std: Any) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The mean and the standard deviation of RGB, as three numbers each.

    Raises:
        ValueError: they are not, a number is not finite, or a deviation is not above 0: frames
            divided by it have no values.
    """
    for name, found in (("mean", mean), ("std", std)):
        numbers = isinstance(found, list | tuple) and len(found) == 3
        if not numbers or not all(type(v) in (int, float) and abs(v) < 1e6 for v in found):
            raise ValueError(f"{name} is {str(found)[:80]}; accepted: three numbers")
    if not all(value > 1e-6 for value in std):
        raise ValueError(f"std is {list(std)}; accepted: numbers above 0")
    return tuple(map(float, mean)), tuple(map(float, std))


def check_classes(classes: Any) -> tuple[str, ...]:
    """The labels of a record.

    Raises:
        ValueError: they are no list of different texts.
    """
    texts = isinstance(classes, list | tuple) and all(isinstance(c, str) for c in classes)
    if not texts or not classes:
        raise ValueError(f"classes is {str(classes)[:80]}; accepted: a list of labels")
    doubled = (
        next((c for c in classes if list(classes).count(c) > 1), None)
        if (len(set(classes)) < len(classes))
        else None
    )
    if doubled is not None:
        raise ValueError(f"classes has {doubled!r} twice")
    return tuple(classes)


def check_thresholds(thresholds: Any, classes: Sequence[str]) -> tuple[float, ...]:
    """The thresholds of the classes.

    Raises:
        ValueError: they are not one number for each class, 0..1.
    """
    numbers = isinstance(thresholds, list | tuple) and len(thresholds) == len(classes)
    if not numbers or not all(type(v) in (int, float) and 0 <= v <= 1 for v in thresholds):
        raise ValueError(
            f"thresholds is {str(thresholds)[:80]}; accepted: a number for each class, 0 to 1"
        )
    return tuple(map(float, thresholds))


_PLAIN: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "str": (str,),
}


def from_dict(kind: type[Any], values: dict[str, Any]) -> Any:
    """Build a config of ``kind`` from a dictionary, which may hold more than its fields.

    Raises:
        ValueError: a number, a text or a truth value is something else.

    Example:
        >>> from_dict(ClipConfig, {"frames": 8, "format": 1})
        ClipConfig(frames=8, size=224, sampling='uniform', stride_s=0.2, region='', crop='none')
    """
    names = {each.name for each in fields(kind)}
    for each in fields(kind):
        accepted = _PLAIN.get(str(each.type))
        value = values.get(each.name)
        if accepted and each.name in values and type(value) not in accepted:
            raise ValueError(f"{each.name} is {str(value)[:80]!r}; accepted: {each.type}")
    return kind(**{name: value for name, value in values.items() if name in names})
