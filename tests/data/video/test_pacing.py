import pytest

from transnet.data.video.pacing import FramePacer


def due(pacer, times_s):
    return [time_s for time_s in times_s if pacer.is_due(time_s)]


def test_the_first_frame_of_every_interval():
    times_s = [number / 10 for number in range(11)]
    assert due(FramePacer(0.25), times_s) == [0, 0.3, 0.5, 0.8, 1.0]
    assert due(FramePacer(0), times_s) == times_s


def test_lost_frames_do_not_shift_later_ones():
    assert due(FramePacer(0.5), [1.0, 1.2, 2.3, 2.4, 2.5, 2.6, 3.0]) == [1.0, 2.3, 2.5, 3.0]


def test_another_video_starts_over():
    pacer = FramePacer(1.0)
    assert due(pacer, [5.0, 5.5]) == [5.0]
    pacer.reset()
    assert due(pacer, [0.2, 0.9, 1.1, 1.3]) == pytest.approx([0.2, 1.3])
