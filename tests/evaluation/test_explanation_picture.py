import numpy as np
import pytest

from transnet.data.clips import Clip
from transnet.evaluation.explanation import Explanation
from transnet.evaluation.explanation_picture import explanation_picture


def explanation(count, label="squat", flow=False):
    frames = np.full((count, 32, 32, 3), 200, np.uint8)
    weights = np.linspace(-0.1, 0.1, count, dtype=np.float32)
    moves = np.zeros((count - 1, 2, 2, 2), np.float32) if flow else None
    clip = Clip(frames, np.arange(count), np.arange(count) / 10)
    heat = np.zeros((count, 32, 32), np.float32)
    return Explanation(label, 0.9, clip, heat, weights, flow=moves)


@pytest.mark.parametrize(("count", "rows"), [(2, 1), (6, 1), (7, 2), (12, 2), (64, 11)])
def test_a_picture_is_no_wider_than_a_page(count, rows):
    picture = explanation_picture(explanation(count))
    assert 700 <= picture.shape[1] <= 1000
    one = explanation_picture(explanation(2)).shape[0]
    head = 2 * one - explanation_picture(explanation(12)).shape[0]
    assert picture.shape[0] == head + rows * (one - head)


def test_the_title_names_the_clip_and_the_legend_what_is_drawn():
    bare = explanation_picture(explanation(4))
    named = explanation_picture(explanation(4), "squat/anna/01")
    moving = explanation_picture(explanation(4, flow=True))
    assert named.shape[0] == moving.shape[0] == bare.shape[0] + 24
    blue, red = (
        (bare[:120] == color).all(axis=2).sum() for color in [(47, 111, 222), (217, 83, 60)]
    )
    assert blue > 400 and red > 400  # the keys


@pytest.mark.parametrize("label", ["x" * 400, "k\udcffl", ""])
def test_any_label_fits(label):
    picture = explanation_picture(explanation(4, label), f"{label}/01")
    assert (picture[:60, -6:] == (246, 248, 250)).all()  # nothing is written to the edge
