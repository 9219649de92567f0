"""What every pretrained part has in common: it can be frozen, and it has a fingerprint."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn


class Encoder(nn.Module):
    """A named network that may be frozen.

    Args:
        name: of the network.
        args: further arguments that it was made with.

    Attributes:
        network: the layers; their weights are those of the library that the name is from.
        frozen: whether the weights stay as they are, batch norm statistics included.
        at_once: threads in which it may be called at the same time, to good effect.
    """

    network: Any

    def __init__(self, name: str, args: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.name = name
        self.args = dict(args or {})
        self.frozen = False
        self.at_once = 1

    def freeze(self) -> Self:
        """Keep every weight and every batch norm statistic as it is, whatever ``train()`` says."""
        self.frozen = True
        self.requires_grad_(False)
        return self.eval()

    def train(self, mode: bool = True) -> Self:
        """Set the mode, which a frozen network ignores."""
        return super().train(mode and not self.frozen)

    def fingerprint(self) -> str:
        """A hash of the architecture and of every weight, to tell cached features apart."""
        about = repr((self.name, sorted(self.args.items()))).encode()
        return weights_digest(self.network.state_dict(), about)


def weights_digest(state: Mapping[str, Tensor], about: bytes = b"") -> str:
    """A hash of weights and their names, and of what else is to be told apart."""
    digest = hashlib.blake2b(about, digest_size=16)
    for key, value in sorted(state.items()):
        digest.update(key.encode())
        values = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
        digest.update(values.tobytes())
    return digest.hexdigest()
