"""Mixed precision: bfloat16 autocast where the device is fast in it, with float32 weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn


def bfloat16_where_fast(network: nn.Module, device: torch.device) -> Any:
    """``precision`` of Lightning's Trainer: bfloat16 autocast where the device is fast in it."""
    if device.type == "mps":
        return "32-true"
    if device.type == "cuda":
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "32-true"
    # On a CPU, gradients of 3D convolutions in bfloat16 overflowed.
    three_d = any(isinstance(module, nn.Conv3d) for module in network.modules())
    return "bf16-mixed" if torch.cpu._is_avx512_bf16_supported() and not three_d else "32-true"


@contextmanager
def slow_parts_in_float32(network: nn.Module) -> Iterator[None]:
    """Exclude the layers from a CPU's autocast that are slower in bfloat16 than in float32.

    These are depthwise convolutions with a stride, of which a MobileNet has four: oneDNN has no
    bfloat16 kernel for their gradient (512 channels of 4 x 4: 139 ms instead of 6).
    """
    slow = [module for module in network.modules() if _is_slow(module)]
    for module in slow:
        # Bound to its module, so that a copy of the network uses its own weights.
        module.forward = MethodType(_outside_autocast, module)
    try:
        yield
    finally:
        for module in slow:
            del module.forward  # uncovers the method of the class


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
