"""The device that a network runs on."""

from __future__ import annotations

from typing import get_args

import torch

from transnet.config import Device
from transnet.errors import TransNetError


def find_device(name: Device | str = "auto") -> torch.device:
    """Find the device of a name.

    Args:
        name: ``cpu``, ``cuda``, ``mps``, or ``auto``: CUDA where it is available, else the CPU.
            Apple's GPU is used only by name: some networks of ``timm`` use operations that it
            lacks, and the CPU has the choice of runtimes there.

    Raises:
        TransNetError: the name is unknown, or this machine has no such device.

    Example:
        >>> find_device("cpu")
        device(type='cpu')
    """
    if name not in get_args(Device):
        raise TransNetError(f"device is {name!r}; accepted: {', '.join(get_args(Device))}.")
    present = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return torch.device(next(device for device in ("cuda", "cpu") if present[device]))
    if not present[name]:
        raise TransNetError(
            f"device is {name!r}, which PyTorch does not find on this machine; accepted: "
            f"auto, {', '.join(device for device in present if present[device])}."
        )
    return torch.device(name)
