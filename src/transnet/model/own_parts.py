"""Parts of a network that a user adds in Python: temporal heads and backbones.

A part is a factory under a name with a colon, ``module:callable`` by default. A run records the
name only. Reading a run never imports what it names: the factory must be registered before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from transnet.config import HUB
from transnet.errors import TransNetError
from transnet.model.baselines import TemporalBaseline


class TemporalSizes(NamedTuple):
    """What a temporal head is made for.

    Attributes:
        steps: frames per clip, n; for the cues of motion their n-1 pairs.
        features: length L of the vector of a step.
        filters: K, as the user has set it.
        num_classes: C.
    """

    steps: int
    features: int
    filters: int
    num_classes: int


class OwnBackbone(NamedTuple):
    """A backbone that a user has registered.

    Attributes:
        factory: from the size of a frame in pixels to a network.
        mean: mean of RGB in 0..1, subtracted from a frame.
        std: standard deviation of RGB in 0..1, by which a frame is divided.
    """

    factory: Callable[[int], nn.Module]
    mean: tuple[float, ...]
    std: tuple[float, ...]


TemporalFactory = Callable[[TemporalSizes], nn.Module]

_TEMPORAL: dict[str, TemporalFactory] = {}
_BACKBONES: dict[str, OwnBackbone] = {}


def register_temporal(factory: TemporalFactory, name: str | None = None) -> Any:
    """Add a temporal head of your own; see docs/extend.md.

    Args:
        factory: makes a module of :class:`TemporalSizes`, that maps features ``(B, steps, L)`` to
            logits ``(B, C)``: a class or a function.
        name: name in run folders, with a colon; by default ``module:callable``.

    Returns:
        The name, for ``temporal`` of ``TransNet`` and ``ModelConfig``. Register the same factory
        before you load a run with it.

    Raises:
        TransNetError: the name has no colon, or the factory has no name of its own.

    Example:
        >>> class LastFrame(torch.nn.Module):
        ...     def __init__(self, sizes):
        ...         super().__init__()
        ...         self.score = torch.nn.Linear(sizes.features, sizes.num_classes)
        ...     def forward(self, features):
        ...         return self.score(features[:, -1])
        >>> head = transnet.register_temporal(LastFrame, "docs:last-frame")
        >>> model = transnet.TransNet("test_resnet.r160_in1k", 6, temporal=head, size=64)
        >>> model(torch.zeros(2, 12, 3, 64, 64)).shape
        torch.Size([2, 6])
    """
    chosen = _name(factory, name)
    _TEMPORAL[chosen] = factory
    return chosen


def register_backbone(
    factory: Callable[[int], nn.Module],
    name: str | None = None,
    *,
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406),
    std: tuple[float, float, float] = (0.229, 0.224, 0.225),
) -> str:
    """Add a backbone of your own; see docs/extend.md.

    Args:
        factory: makes a module of the size of a frame in pixels, that maps normalized frames
            ``(N, 3, H, W)`` to maps ``(N, C, h, w)``, or to vectors ``(N, C)``. It holds the
            initial weights; with ``freeze=True`` these are kept.
        name: name in run folders, with a colon; by default ``module:callable``.
        mean: mean of RGB in 0..1, subtracted from a frame.
        std: standard deviation of RGB in 0..1, by which a frame is divided.

    Returns:
        The name, for ``backbone`` of ``TransNet`` and ``train``. It gives no inner maps, so
        ``cues`` must be ``appearance``. Register the same factory before you load a run with it.

    Raises:
        TransNetError: the name has no colon, or the factory has no name of its own.

    Example:
        >>> def tiny(size):
        ...     return torch.nn.Conv2d(3, 8, kernel_size=16, stride=16)
        >>> name = transnet.register_backbone(tiny, "docs:tiny")
        >>> transnet.TransNet(name, 6, size=64)(torch.zeros(2, 12, 3, 64, 64)).shape
        torch.Size([2, 6])
    """
    chosen = _name(factory, name)
    _BACKBONES[chosen] = OwnBackbone(factory, mean, std)
    return chosen


def find_backbone(name: str) -> OwnBackbone:
    """A registered backbone.

    Raises:
        TransNetError: none has this name.
    """
    if name not in _BACKBONES:
        raise _unregistered("backbone", "register_backbone", name)
    return _BACKBONES[name]


def find_temporal(name: str) -> TemporalFactory:
    """A registered temporal head.

    Raises:
        TransNetError: none has this name.
    """
    if name not in _TEMPORAL:
        raise _unregistered("temporal", "register_temporal", name)
    return _TEMPORAL[name]


class OwnTemporal(TemporalBaseline):
    """A temporal head of a user's own.

    Args:
        factory: makes it.
        sizes: what it is made for.

    Raises:
        TransNetError: it does not map ``(B, steps, L)`` to ``(B, C)``.
    """

    def __init__(self, factory: TemporalFactory, sizes: TemporalSizes) -> None:
        super().__init__()
        self.part = factory(sizes)
        with torch.no_grad():
            found = self.part.eval()(torch.zeros(2, sizes.steps, sizes.features))
        self.part.train()
        expected = (2, sizes.num_classes)
        if not isinstance(found, Tensor) or found.shape != expected:
            what = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise TransNetError(
                f"temporal is {type(self.part).__name__}, which gives {what} for features "
                f"{(2, sizes.steps, sizes.features)}; required: logits {expected}."
            )

    def forward(self, features: Tensor) -> Tensor:
        return self.part(features)


class OwnNetwork(nn.Module):
    """A registered backbone with the interface of a network of ``timm``."""

    def __init__(self, name: str, size: int) -> None:
        super().__init__()
        self.part = find_backbone(name).factory(size)
        with torch.no_grad():
            self.num_features = self.part.eval()(torch.zeros(1, 3, size, size)).shape[1]
        self.part.train()

    def forward_features(self, frames: Tensor) -> Tensor:
        """Frames ``(N, 3, H, W)`` to maps ``(N, C, h, w)``, or vectors ``(N, C)``."""
        return self.part(frames)

    def forward_head(self, features: Tensor, pre_logits: bool = True) -> Tensor:
        """The vectors, unchanged."""
        return features


def is_own(name: object) -> bool:
    """Whether a name is that of a part that a user has to register."""
    return isinstance(name, str) and ":" in name and not name.startswith(HUB)


def _name(factory: Any, name: str | None) -> str:
    if name is None:
        names = (getattr(factory, "__module__", None), getattr(factory, "__qualname__", None))
        name = ":".join(filter(None, names))
        if "<" in name:
            raise TransNetError(
                f"factory is {name}, which another process cannot find; give it a name: "
                "name='my:part'."
            )
    if not is_own(name) or len(name) > 200:
        raise TransNetError(f"name is {name[:80]!r}; accepted: a text with a colon, 'my:part'.")
    return name


def _unregistered(argument: str, function: str, name: str) -> TransNetError:
    return TransNetError(
        f"{argument} is {name!r}, a part that this process does not know; it is never imported "
        f"from a file. Register it first: transnet.{function}(FACTORY, {name!r})."
    )
