"""Mixed precision: bfloat16 where the device computes fast in it, float32 weights and the rest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn


def bfloat16_where_fast(network: nn.Module) -> Any:
    """The precision for Lightning's Trainer: bfloat16 autocast where the device computes in it."""
    if torch.cuda.is_available():
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "32-true"
    # On a CPU the gradients of 3D convolutions in bfloat16 were seen to overflow.
    three_d = any(isinstance(module, nn.Conv3d) for module in network.modules())
    return "bf16-mixed" if torch.cpu._is_avx512_bf16_supported() and not three_d else "32-true"


@contextmanager
def slow_parts_in_float32(network: nn.Module) -> Iterator[None]:
    """Leave out of a CPU's autocast what is slower in bfloat16 than in float32.

    That is the gradient of depthwise convolutions with a stride, of which a MobileNet has four:
    oneDNN has no kernel for it in bfloat16 (for 512 channels of 4 x 4, 139 ms instead of 6).
    """
    slow = [module for module in network.modules() if _is_slow(module)]
    for module in slow:
        # Bound to its module, so that a copy of the network has its own.
        module.forward = MethodType(_outside_autocast, module)
    try:
        yield
    finally:
        for module in slow:
            del module.forward  # the class has one, too


def _is_slow(module: nn.Module) -> bool:
    return (
        isinstance(module, nn.Conv2d)
        and module.groups == module.in_channels > 1
        and max(module.stride) > 1
    )


def _outside_autocast(convolution: nn.Conv2d, inputs: Tensor) -> Tensor:
    forward = type(convolution).forward
    if inputs.device.type != "cpu":
        return forward(convolution, inputs)
    with torch.autocast("cpu", enabled=False):
        return forward(convolution, inputs.float())
