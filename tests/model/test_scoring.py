"""One label or several at once: probabilities, losses, thresholds."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from transnet.data.manifest import ClipRecord
from transnet.model.cue_weights import WEIGHTS, shares_of_cues
from transnet.model.scoring import (
    OneLabel,
    SeveralLabels,
    average_precision,
    best_thresholds,
    scoring_of,
)
from transnet.model.transnet import TransNet


def f1(probabilities, targets, threshold):
    answered = probabilities >= threshold
    hits = (answered & targets.bool()).sum()
    return 2 * hits / (answered.sum() + targets.sum())


def test_several_labels_are_independent_of_each_other():
    logits = torch.tensor([[2.0, -1.0, 0.0]])
    one, several = OneLabel(), SeveralLabels(3)
    assert one.probabilities(logits).sum() == pytest.approx(1)
    more = torch.tensor([[2.0, -1.0, 5.0]])
    assert several.probabilities(more)[0, 0] == several.probabilities(logits)[0, 0]
    assert (
        isinstance(scoring_of(False, 3), OneLabel) and scoring_of(True, 3).thresholds == (0.5,) * 3
    )
    assert one.thresholds == ()


def mean_over_cues(logits):
    """The weighted mean of the probabilities of several labels."""
    shares = shares_of_cues(logits, WEIGHTS)
    return sum(shares[cue] * values.sigmoid() for cue, values in logits.items())


def test_the_probability_of_the_clip_is_the_mean_of_the_cues():
    logits = {"moving_change": torch.tensor([[3.0, -2.0]]), "flow": torch.tensor([[-1.0, 40.0]])}
    several = SeveralLabels(2)
    joined = several.probabilities(several.join(logits))
    assert torch.allclose(joined, mean_over_cues(logits), atol=1e-6)
    assert torch.equal(several.join({"flow": logits["flow"]}), logits["flow"])


def test_targets_are_zero_or_one_for_each_class():
    clips = [ClipRecord(Path("a"), label, "a") for label in ("walk|carry", "walk", "_none")]
    targets = SeveralLabels(2).targets(clips, ("carry", "walk"))
    assert targets.tolist() == [[1, 1], [0, 1], [0, 0]]
    assert OneLabel().targets(clips[1:], ("walk", "_none")).tolist() == [0, 1]


def test_the_loss_is_binary_cross_entropy_with_smoothing_and_weights():
    logits, targets = torch.randn(5, 3), torch.randint(0, 2, (5, 3)).float()
    several = SeveralLabels(3)
    plain = functional.binary_cross_entropy(logits.sigmoid(), targets)
    assert several.loss(logits, targets, None, 0.0) == pytest.approx(float(plain), rel=1e-5)
    perfect = 20 * (2 * targets - 1)
    assert several.loss(perfect, targets, None, 0.1) > several.loss(perfect, targets, None, 0.0)
    rare = torch.tensor([[1.0], [0.0], [0.0], [0.0]])
    assert several.class_weights(rare).tolist() == [3.0]


@given(
    st.lists(st.tuples(st.integers(1, 99), st.booleans()), min_size=1, max_size=20),
)
def test_no_threshold_has_a_higher_f1(clips):
    probabilities = torch.tensor([[value / 100] for value, _ in clips], dtype=torch.float64)
    targets = torch.tensor([[float(shown)] for _, shown in clips])
    (found,) = best_thresholds(probabilities, targets)
    assert 0 < found < 1
    if targets.sum() in (0, len(clips)):
        assert found == 0.5
        return
    best = max(f1(probabilities, targets, threshold / 200) for threshold in range(200))
    assert f1(probabilities, targets, found) == pytest.approx(float(best))


def test_the_threshold_nearest_to_a_half_is_taken():
    probabilities = torch.tensor([[0.1], [0.45], [0.9]])
    assert best_thresholds(probabilities, torch.tensor([[0], [0], [1]])) == (pytest.approx(0.675),)


def test_the_temperature_of_several_labels_is_found():
    torch.manual_seed(0)
    logits = torch.randn(2000, 3)
    targets = torch.bernoulli(logits.sigmoid())
    several = SeveralLabels(3)
    for scale in (0.5, 2.0):
        found = several.calibrate({"appearance": scale * logits}, targets)
        assert found == pytest.approx(scale, rel=0.1)
        assert several.thresholds == pytest.approx([0.35] * 3, abs=0.15)
    assert several.calibrate({"appearance": logits[:4]}, targets[:4]) == pytest.approx(1, abs=0.35)


def test_classes_without_a_clip_do_not_count():
    scores, targets = torch.rand(6, 3), torch.zeros(6, 3)
    targets[:2, 0] = 1
    scores[:2, 0], scores[2:, 0] = 0.9, 0.1
    assert average_precision(scores, targets).tolist() == [1, 0, 0]
    assert SeveralLabels(3).score(scores, targets) == 1


def test_a_network_knows_what_its_logits_mean():
    sizes = {"size": 64, "num_frames": 4, "cues": "both", "readout": "pool"}
    model = TransNet("test_efficientnet.r160_in1k", 3, several_labels=True, **sizes).eval()
    clips = torch.rand(2, 4, 3, 64, 64)
    with torch.no_grad():
        cues = model.cue_logits(model.encode_cues(clips))
        found = model.scoring.probabilities(model(clips))
    assert torch.allclose(found, mean_over_cues(cues), atol=1e-5)
