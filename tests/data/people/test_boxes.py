import numpy as np
import pytest

from transnet.data.people.boxes import Box, person_crop
from transnet.data.people.masks import boxes_of_mask


def test_a_box_for_each_person_and_none_for_specks():
    mask = np.zeros((60, 100), np.float32)
    mask[10:50, 5:20] = 0.9
    mask[20:50, 60:90] = 0.8
    mask[1, 1] = 1
    assert boxes_of_mask(mask) == [Box(60, 20, 90, 50), Box(5, 10, 20, 50)]
    assert boxes_of_mask(np.zeros((60, 100))) == []


def test_overlap():
    assert Box(0, 0, 10, 10).overlap(Box(5, 0, 15, 10)) == pytest.approx(1 / 3)
    assert Box(0, 0, 10, 10).overlap(Box(20, 0, 30, 10)) == 0


def test_a_crop_is_a_square_around_the_person_and_repeats_the_edge():
    picture = np.zeros((60, 100, 3), np.uint8)
    picture[:, :, 0] = np.arange(100)
    crop = person_crop(picture, Box(40, 10, 50, 50))
    assert crop.shape == (48, 48, 3)
    assert crop[0, :, 0].tolist() == list(range(21, 69))
    beyond = person_crop(picture, Box(-5, 10, 5, 50))
    assert beyond.shape == (48, 48, 3)
    assert beyond[0, :25, 0].tolist() == [0] * 25
