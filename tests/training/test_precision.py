import copy

import torch
from torch import nn

from transnet.training.precision import bfloat16_where_fast, slow_parts_in_float32


def network():
    return nn.Sequential(
        nn.Conv2d(3, 8, 1),
        nn.Conv2d(8, 8, 3, stride=2, groups=8),  # the slow one
        nn.Conv2d(8, 8, 3, groups=8),
        nn.Conv2d(8, 4, 3, stride=2),
    )


def types_in_autocast(layers, frames):
    types = []
    with torch.autocast("cpu", torch.bfloat16):
        for layer in layers:
            frames = layer(frames)
            types.append(frames.dtype)
    return types


def test_only_strided_depthwise_convolutions_leave_autocast():
    layers, frames = network(), torch.rand(1, 3, 16, 16)
    usual = [torch.bfloat16] * 4
    assert types_in_autocast(layers, frames) == usual
    exact = layers(frames)
    with slow_parts_in_float32(layers):
        assert types_in_autocast(layers, frames) == [
            torch.bfloat16, torch.float32, torch.bfloat16, torch.bfloat16
        ]  # fmt: skip
        assert torch.equal(layers(frames), exact)
    assert types_in_autocast(layers, frames) == usual


def test_a_copy_of_the_network_has_weights_of_its_own():
    layers, frames = network(), torch.rand(1, 3, 16, 16)
    with slow_parts_in_float32(layers):
        average = copy.deepcopy(layers)
        nn.init.zeros_(average[1].weight)
        nn.init.zeros_(average[1].bias)
        assert not average[:2](frames).any()
        assert layers[:2](frames).any()


def test_3d_convolutions_stay_in_float32():
    assert bfloat16_where_fast(nn.Sequential(nn.Conv3d(3, 8, 3)), torch.device("cpu")) == "32-true"
