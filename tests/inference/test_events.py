import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transnet import StreamConfig, TransNetError
from transnet.inference.events import EventDetector
from transnet.inference.prediction import UNKNOWN, Prediction

PLAIN = StreamConfig(smooth_s=0, min_s=0, enter=0.6, leave=0.4)


def prediction(walk, moment_s, span_s=2.0):
    scores = {"walk": walk, "wave": 1 - walk}
    ordered = dict(sorted(scores.items(), key=lambda item: -item[1]))
    return Prediction("x", ordered, moment_s - span_s / 2, moment_s + span_s / 2)


def segments_of(config, walks, step_s=1.0):
    detector = EventDetector(config)
    ended = [detector.update(prediction(walk, 1 + i * step_s)) for i, walk in enumerate(walks)]
    return [
        (segment.label, round(segment.start_s, 6), round(segment.end_s, 6))
        for segment in [*ended, detector.finish()]
        if segment
    ]


def test_an_event_enters_high_and_leaves_low():
    walks = [0.5, 0.55, 0.7, 0.5, 0.45, 0.41, 0.5, 0.5]
    assert segments_of(PLAIN, walks) == [(UNKNOWN, 0, 3), ("walk", 3, 9)]
    # One class falls below the lower threshold, the other one is not yet sure.
    three = [0.7, 0.7, 0.405, 0.39, 0.41]
    assert segments_of(StreamConfig(smooth_s=0, min_s=0, enter=0.65, leave=0.4), three) == [
        ("walk", 0, 4),
        (UNKNOWN, 4, 6),
    ]


def test_another_class_takes_over_at_once():
    assert segments_of(PLAIN, [0.9, 0.9, 0.1, 0.1]) == [("walk", 0, 3), ("wave", 3, 5)]


def test_what_does_not_last_does_not_count():
    config = StreamConfig(smooth_s=0, min_s=2, enter=0.6, leave=0.4)
    blip = [0.9, 0.9, 0.1, 0.1, 0.9, 0.9, 0.9]
    assert segments_of(config, blip) == [("walk", 0, 8)]
    change = [0.9, 0.9, 0.1, 0.1, 0.1, 0.1]
    assert segments_of(config, change) == [("walk", 0, 3), ("wave", 3, 7)]


def test_smoothing_is_in_seconds():
    """After the smoothing time 63 % of a step has been followed, whatever the frame rate."""
    config = StreamConfig(smooth_s=2)
    for step_s in (0.1, 0.5, 2.0):
        detector = EventDetector(config)
        detector.update(prediction(0.0, 10))
        for number in range(1, round(2 / step_s) + 1):
            detector.update(prediction(1.0, 10 + number * step_s))
        assert detector.scores["walk"] == pytest.approx(0.632, abs=0.001)


def test_scores_are_means_and_the_next_stream_is_new():
    detector = EventDetector(PLAIN)
    detector.update(prediction(0.8, 1))
    detector.update(prediction(0.6, 2))
    segment = detector.finish()
    assert segment.score == pytest.approx(0.7)
    assert detector.label == UNKNOWN
    assert detector.finish() is None
    assert str(segment) == "00:00:00.000 - 00:00:03.000  walk 70.0%"


@settings(max_examples=60, deadline=None)
@given(
    walks=st.lists(st.floats(0, 1), min_size=1, max_size=40),
    smooth_s=st.floats(0, 3),
    min_s=st.floats(0, 3),
    enter=st.floats(0.05, 1),
    leave=st.floats(0, 1),
)
def test_segments_follow_each_other_without_a_gap(walks, smooth_s, min_s, enter, leave):
    config = StreamConfig(smooth_s=smooth_s, min_s=min_s, enter=enter, leave=enter * leave)
    found = segments_of(config, walks)
    assert found[0][1] == 0 and found[-1][2] == len(walks) + 1
    for (label, _, end_s), (next_label, start_s, _) in itertools.pairwise(found):
        assert end_s == start_s and label != next_label
    lasting = [end_s - start_s for label, start_s, end_s in found[:-1] if label != UNKNOWN]
    assert all(length_s >= min_s - 1e-5 for length_s in lasting)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"enter": 0}, "enter is 0; accepted: above 0, up to 1"),
        ({"enter": 0.5, "leave": 0.7}, r"leave is 0\.7; accepted: 0 to enter \(0\.5\)"),
        ({"smooth_s": -1}, "smooth_s is -1; accepted: 0 or more seconds"),
        ({"min_s": -1}, "min_s is -1; accepted: 0 or more seconds"),
        ({"every_s": -0.1}, r"every_s is -0\.1; accepted: 0 or more seconds, step"),
        ({"step_s": 0}, "step_s is 0; accepted: above 0 seconds"),
    ],
)
def test_impossible_settings_are_named(setting, message):
    with pytest.raises(TransNetError, match=message):
        StreamConfig(**setting)
