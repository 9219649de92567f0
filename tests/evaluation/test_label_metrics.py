"""Metrics of several labels at once."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from transnet.evaluation.label_metrics import (
    label_metrics,
    several_labels_metrics,
    weighted_precision,
)
from transnet.model.scoring import average_precision

CLASSES = ("carry", "walk")
THRESHOLDS = (0.5, 0.3)
PROBABILITIES = torch.tensor([[0.9, 0.4], [0.2, 0.8], [0.6, 0.1], [0.0, 0.0]])
TARGETS = torch.tensor([[1.0, 1.0], [0.0, 1.0], [0.0, 0.0], [0.0, 1.0]])


def test_what_is_answered_at_the_thresholds():
    correct = [True, True, False, False]
    found = several_labels_metrics(PROBABILITIES, TARGETS, correct, CLASSES, THRESHOLDS)
    assert found.top1 == 0.5 and found.num_clips == 4 and found.confusion == []
    carry, walk = found.per_class["carry"], found.per_class["walk"]
    assert (carry.precision, carry.recall, carry.num_clips) == (0.5, 1.0, 1)
    assert (walk.precision, walk.recall, walk.num_clips) == (1.0, pytest.approx(2 / 3), 3)
    assert found.macro_f1 == pytest.approx((2 / 3 + 0.8) / 2)


def test_precision_and_micro_f1():
    found = label_metrics(PROBABILITIES, TARGETS, CLASSES, THRESHOLDS, "aabb")
    assert found.average_precision["carry"] == 1
    # Walk: 0.8, 0.4 right, 0.1 wrong, 0.0 right.
    assert found.average_precision["walk"] == pytest.approx((1 + 1 + 0.75) / 3)
    assert found.mean_average_precision == pytest.approx((1 + 2.75 / 3) / 2)
    assert found.micro_f1 == pytest.approx(2 * 3 / (4 + 4))
    assert found.thresholds == {"carry": 0.5, "walk": 0.3}
    low, high = found.interval
    assert 0 <= low <= found.mean_average_precision <= high <= 1
    assert label_metrics(PROBABILITIES, TARGETS, CLASSES, THRESHOLDS, "aaaa").interval is None


def test_a_perfect_order_has_an_interval_too():
    targets = torch.tensor([[1.0], [0.0]] * 3)
    found = label_metrics(targets, targets, ("walk",), (0.5,), "aabbcc")
    assert found.interval == (pytest.approx(0.025 ** (1 / 3)), 1.0)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=15))
def test_the_precision_of_a_sample_is_that_of_torchmetrics(clips):
    scores = np.array([value / 5 for value, _ in clips])
    shown = np.array([float(right) for _, right in clips])
    if not shown.any():
        return
    counts = np.random.default_rng(0).integers(0, 4, len(clips))
    repeated = [torch.tensor(np.repeat(each, counts))[:, None] for each in (scores, shown)]
    (found,) = weighted_precision(scores, shown, counts[None])
    if repeated[1].sum() == 0:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(float(average_precision(*repeated)), abs=1e-6)
