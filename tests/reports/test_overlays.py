import numpy as np
import pytest

from transnet.reports.overlays import ScoreOverlay

SCORES = {"squat": 0.6, "wave": 0.3, "walk": 0.08, "run": 0.02}


def covered(height, title=""):
    """How many rows of a picture have something drawn on them."""
    picture = np.full((height, 200, 3), 255, np.uint8)
    drawn = ScoreOverlay().draw(picture, SCORES, title)
    assert drawn.shape == picture.shape
    return int((drawn != picture).any(axis=(1, 2)).sum())


@pytest.mark.parametrize("title", ["", "true label: wave"])
@pytest.mark.parametrize("height", [16, 32, 48, 64, 96, 112, 240, 480, 1080])
def test_most_of_a_picture_is_free(height, title):
    assert covered(height, title) <= 0.4 * height


def test_a_small_picture_keeps_the_best_class_and_a_large_one_has_three():
    assert covered(32) == 0
    assert covered(48) == 11 + 4
    assert covered(48, "title") == 11 + 4
    assert covered(96, "title") == 3 * 11 + 4
    assert covered(480) == 3 * 30 + 4
    assert covered(480, "title") == 4 * 30 + 4
