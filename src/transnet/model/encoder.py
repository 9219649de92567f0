"""The base class of backbones: a network that can be frozen and has a fingerprint."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn


class Encoder(nn.Module):
    """A named network that may be frozen.

    Args:
        name: name of the network.
        args: additional arguments that it was made with.

    Attributes:
        network: the layers, with the weight names of the library that the name is from.
        frozen: whether the weights and the batch norm statistics are fixed.
        reading: how its output is read, where that is not the plain way; part of the fingerprint.
        max_concurrency: number of threads that should call it at the same time.
    """

    network: Any
    reading: tuple[str, ...] = ()

    def __init__(self, name: str, args: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.name = name
        self.args = dict(args or {})
        self.frozen = False
        self.max_concurrency = 1

    def freeze(self) -> Self:
        """Fix all weights and batch norm statistics; ``train()`` has no effect from now on."""
        self.frozen = True
        self.requires_grad_(False)
        return self.eval()

    def train(self, mode: bool = True) -> Self:
        """Set the mode; a frozen network stays in evaluation mode."""
        return super().train(mode and not self.frozen)

    def fingerprint(self) -> str:
        """A hash of the architecture and all weights: the key of cached features."""
        about = repr((self.name, sorted(self.args.items()), *self.reading)).encode()
        return weights_digest(self.network.state_dict(), about)


def weights_digest(state: Mapping[str, Tensor], about: bytes = b"") -> str:
    """A hash of weights, their names and ``about``."""
    digest = hashlib.blake2b(about, digest_size=16)
    for key, value in sorted(state.items()):
        digest.update(key.encode())
        values = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
        digest.update(values.tobytes())
    return digest.hexdigest()
