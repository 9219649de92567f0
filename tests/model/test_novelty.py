import pytest
import torch

from transnet.model.encoded import Encoded
from transnet.model.novelty import NoveltyDetector, describe_clips

NO_PAIRS = torch.empty(0)


def cloud(center, count, seed, spread=0.05):
    noise = torch.randn(count, len(center), generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(torch.tensor(center) + spread * noise, dim=1)


@pytest.fixture
def training():
    vectors = torch.cat([cloud([1.0, 0, 0, 0], 30, 0), cloud([0, 1.0, 0, 0], 30, 1)])
    return vectors, [0] * 30 + [1] * 30, [f"group {number % 6}" for number in range(60)]


def test_clips_like_the_training_stay_known_and_others_do_not(training):
    detector = NoveltyDetector.fit(*training)
    like, unlike = cloud([1.0, 0, 0, 0], 200, 2), cloud([0, 0, 1.0, 0], 50, 3)
    assert (detector.distances(like) <= detector.threshold).float().mean() >= 0.9
    assert (detector.distances(unlike) > detector.threshold).all()


def test_a_class_that_is_left_out_is_told(training):
    assert NoveltyDetector.fit(*training).told_without(1) == 1
    assert NoveltyDetector.fit(*training).told_without(2) == 0  # no such clip


def test_one_group_gives_no_detector(training):
    vectors, labels, groups = training
    assert NoveltyDetector.fit(vectors, labels, ["one"] * len(groups)) is None


@pytest.mark.parametrize("shape", [(2, 4, 8), (2, 4, 8, 3, 3), (2, 8)])
def test_clips_are_described_by_a_unit_vector(shape):
    found = describe_clips(Encoded(torch.rand(shape), NO_PAIRS))
    assert found.shape == (2, 8)
    assert torch.allclose(found.norm(dim=1), torch.ones(2))
