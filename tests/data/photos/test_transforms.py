import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from transnet.data.photos.photo import NEUTRAL, MaskedPhoto
from transnet.data.photos.transforms import PhotoTransform
from transnet.reports.overlays import mask_overlay

VIEW = PhotoTransform(64, (0.5,) * 3, (0.25,) * 3)


def disc(height=90, width=120, x=70, y=30, radius=25):
    rows, columns = np.mgrid[:height, :width]
    mask = ((columns - x) ** 2 + (rows - y) ** 2 < radius**2).astype(np.uint8)
    return MaskedPhoto(np.repeat(255 * mask[..., None], 3, axis=2), mask)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**31 - 1))
def test_photo_and_mask_are_moved_alike(seed):
    frames, mask = VIEW.pair(disc(), seed)
    assert frames.shape == (3, 64, 64)
    assert mask.shape == (64, 64)
    assert set(mask.unique().tolist()) <= {0, 1, NEUTRAL}
    counts = mask != NEUTRAL
    # The disc is white and all else black, so the picture tells where the mask must be.
    brightness = frames.mean(0)
    if not 20 < (mask == 1).sum() < counts.sum() - 20:
        return
    middle = (brightness[counts].min() + brightness[counts].max()) / 2
    wrong = ((brightness > middle) != (mask == 1)) & counts
    assert wrong.sum() <= 0.06 * counts.sum()


def test_a_view_is_a_function_of_its_seed_and_touches_no_other_randomness():
    before = torch.random.get_rng_state()
    views = [VIEW.pair(disc(), seed)[0] for seed in (1, 1, 2)]
    assert torch.equal(views[0], views[1])
    assert not torch.equal(views[0], views[2])
    assert torch.equal(before, torch.random.get_rng_state())


def test_learning_ends_on_the_pixels_that_are_used_later():
    photo = disc()
    frames, mask = VIEW.pair(photo)
    assert torch.equal(frames, VIEW.whole(photo.pixels[None])[0])
    assert mask.sum() > 0
    assert frames.min() == -2
    assert frames.max() == 2  # (0..1 - 0.5) / 0.25


def test_a_mask_is_resized_without_a_shift():
    """A third of a pixel costs the IoU of small people a percent or two."""
    shifts = []
    for left in range(100, 140, 3):
        mask = np.zeros((640, 640), np.uint8)
        mask[:, left : left + 240] = 1
        found = VIEW.pair(MaskedPhoto(np.zeros((640, 640, 3), np.uint8), mask))[1]
        shifts.append(torch.nonzero(found == 1)[:, 1].double().mean() + 0.5 - (left + 120) / 10)
    assert abs(np.mean(shifts)) < 0.1


def test_neutral_pixels_stay_neutral():
    mask = np.zeros((90, 120), np.uint8)
    mask[:, 40:80], mask[:, 80:] = 1, NEUTRAL
    found = VIEW.pair(MaskedPhoto(np.zeros((90, 120, 3), np.uint8), mask))[1]
    for value in (0, 1, NEUTRAL):
        assert (found == value).float().mean().item() == pytest.approx(1 / 3, abs=0.02)


def test_people_stand_out():
    photo = disc()
    gray = np.full_like(photo.pixels, 128)
    shown = mask_overlay(gray, photo.mask.astype(np.float32), photo.mask == 1)
    assert shown.shape == gray.shape
    assert shown.dtype == np.uint8
    red, _, blue = shown[30, 70].astype(int)
    assert blue > red + 50
    assert (shown[80, 10] == 77).all()
    assert (shown == (255, 200, 40)).all(axis=2).sum() > 100
    everywhere = np.ones_like(photo.mask)
    assert not (mask_overlay(gray, everywhere, everywhere == 1) == (255, 200, 40)).all(axis=2).any()
