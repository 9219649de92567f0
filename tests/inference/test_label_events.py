"""Events of several labels at once: each class has segments of its own."""

import pytest

from transnet import EventDetector, LabelEvents, Prediction, StreamConfig, TransNetError

PLAIN = StreamConfig(smooth_s=0, min_s=0)
THRESHOLDS = {"walk": 0.5, "carry": 0.2}


def window(moment_s, **scores):
    ordered = dict(sorted(scores.items(), key=lambda item: -item[1]))
    return Prediction("x", ordered, moment_s - 1, moment_s + 1, thresholds=THRESHOLDS)


def segments_of(config, rows):
    events, found, labels = LabelEvents(config), [], []
    for moment, (walk, carry) in enumerate(rows, start=1):
        found += events.update(window(moment, walk=walk, carry=carry))
        labels.append(events.label)
    found += events.finish()
    return [(one.label, one.start_s, one.end_s) for one in found], labels


def test_classes_begin_and_end_by_themselves_around_their_thresholds():
    rows = [(0.9, 0.05), (0.9, 0.25), (0.9, 0.25), (0.1, 0.25), (0.1, 0.05)]
    found, labels = segments_of(PLAIN, rows)
    assert found == [("walk", 0, 4), ("carry", 2, 5)]
    assert labels == ["walk", "carry|walk", "carry|walk", "carry", "unknown"]


def test_leaving_is_relative_to_the_threshold():
    rows = [(0.6, 0.0), (0.4, 0.0), (0.4, 0.0), (0.3, 0.0)]  # --leave 0.35 of 0.5
    assert segments_of(PLAIN, rows)[0] == [("walk", 0, 4)]
    carried = [(0.0, 0.21), (0.0, 0.15), (0.0, 0.13)]  # 0.14 of 0.2
    assert segments_of(PLAIN, carried)[0] == [("carry", 0, 3)]
    strict = StreamConfig(smooth_s=0, min_s=0, enter=0.9, leave=0.8)
    assert segments_of(strict, [(0.8, 0.5), (0.95, 0.5)])[0] == [("walk", 2, 3)]


def test_scores_are_those_of_the_class():
    events = LabelEvents(PLAIN)
    assert (events.labels, events.label, events.scores) == ((), "unknown", {})
    assert events.update(window(1, walk=0.9, carry=0.1)) == []
    assert events.scores == {"carry": 0.1, "walk": 0.9}
    (segment,) = events.finish()
    assert (segment.label, segment.score) == ("walk", 0.9)
    assert events.finish() == [] and events.labels == ()


def test_one_label_is_as_before():
    one, both = EventDetector(PLAIN), LabelEvents(PLAIN)
    expected, found = [], []
    for moment, walk in enumerate([0.9, 0.9, 0.4, 0.1, 0.1], start=1):
        scores = {"walk": walk, "wave": 1 - walk}
        prediction = Prediction("x", scores, moment - 1, moment + 1)
        expected.append(one.update(prediction))
        found += both.update(prediction)
        assert (both.label, both.scores) == (one.label, one.scores)
    assert found + both.finish() == [each for each in [*expected, one.finish()] if each]


def test_a_detector_of_one_label_refuses_several():
    with pytest.raises(TransNetError, match="several labels at once, .* use LabelEvents"):
        EventDetector(PLAIN).update(window(1, walk=0.9, carry=0.1))
