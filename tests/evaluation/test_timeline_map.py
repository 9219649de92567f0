import pytest

from transnet.evaluation.timeline_map import (
    LabeledStretch,
    average_precision,
    temporal_iou,
    timeline_map,
)


def stretch(start_s, end_s, score=1.0, label="run", video="a"):
    return LabeledStretch(video, label, start_s, end_s, score)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [((0, 4), (0, 4), 1), ((0, 4), (2, 6), 1 / 3), ((0, 4), (4, 6), 0), ((0, 8), (2, 4), 0.25),
     ((1, 1), (1, 1), 0)],
)  # fmt: skip
def test_temporal_iou(first, second, expected):
    assert temporal_iou(stretch(*first), stretch(*second)) == pytest.approx(expected)
    assert temporal_iou(stretch(*second), stretch(*first)) == pytest.approx(expected)


def test_what_is_annotated_is_perfect_at_every_threshold():
    truth = [stretch(0, 4), stretch(6, 8), stretch(1, 2, label="walk"), stretch(0, 4, video="b")]
    assert timeline_map(truth, truth) == dict.fromkeys((0.3, 0.4, 0.5, 0.6, 0.7), 1.0)
    assert set(timeline_map([], truth).values()) == {0.0}


def test_average_precision_by_hand():
    truth = [stretch(0, 10), stretch(20, 30)]
    found = [
        stretch(0, 9, 0.9),  # IoU 0.9: right
        stretch(0, 10, 0.8),  # its segment is taken: wrong
        stretch(40, 50, 0.7),  # wrong
        stretch(20, 26, 0.6),  # IoU 0.6: right up to there
    ]
    # Right, wrong, wrong, right: precision 1 at recall 1/2, 2/4 at recall 1.
    assert average_precision(found, truth, 0.5) == pytest.approx(0.5 * 1 + 0.5 * 0.5)
    assert average_precision(found, truth, 0.7) == pytest.approx(0.5)
    # The best precision at a higher recall counts: wrong, right, right.
    found = [stretch(50, 60, 0.9), stretch(0, 10, 0.8), stretch(20, 30, 0.7)]
    assert average_precision(found, truth, 0.5) == pytest.approx(2 / 3)


def test_segments_of_another_video_do_not_match():
    assert average_precision([stretch(0, 10, video="b")], [stretch(0, 10)], 0.3) == 0


def test_the_mean_is_over_the_annotated_classes():
    truth = [stretch(0, 10), stretch(0, 10, label="walk")]
    found = [stretch(0, 6), stretch(0, 10, label="jump")]
    assert timeline_map(found, truth, [0.5, 0.7]) == {0.5: 0.5, 0.7: 0.0}
