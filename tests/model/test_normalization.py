import numpy as np
import pytest
import torch

from transnet.data.preprocessing import normalize
from transnet.model.normalization import Normalization


@pytest.mark.parametrize(
    ("mean", "std"), [((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)), ((0.5,) * 3, (0.5,) * 3)]
)
def test_the_network_learns_from_the_very_numbers_that_it_predicts_from(mean, std):
    values = torch.arange(256, dtype=torch.uint8)
    frames = torch.cat([values.repeat(3), torch.randint(256, (5376,), dtype=torch.uint8)])
    frames = frames.reshape(2, 2, 16, 32, 3)
    expected = torch.from_numpy(normalize(frames.numpy(), mean, std))
    found = Normalization(mean, std)(frames)
    assert found.shape == (2, 2, 3, 16, 32)
    assert torch.equal(found, expected)
    assert found.is_contiguous()


def test_frames_go_where_the_network_is():
    normalization = Normalization((0.5,) * 3, (0.5,) * 3)
    frames = np.zeros((4, 8, 8, 3), np.uint8)[:, :, ::-1]
    frames.flags.writeable = False
    assert normalization.on(torch.device("meta"), frames).device.type == "meta"
    frames = np.full((2, 8, 8, 3), 255, np.uint8)
    found = Normalization((0.5,) * 3, (0.5,) * 3).on(torch.device("cpu"), frames)
    assert found.shape == (2, 3, 8, 8)
    assert torch.equal(found, torch.ones(2, 3, 8, 8))


def test_it_leaves_no_trace_in_checkpoints():
    assert not Normalization((0.5,) * 3, (0.5,) * 3).state_dict()
