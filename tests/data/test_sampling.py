import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transnet.config import ClipConfig
from transnet.data.sampling import clip_indices, stride_indices, uniform_indices

counts = st.integers(1, 2000)
offsets = st.floats(0, 1, exclude_max=True)


@given(counts, st.integers(1, 64), offsets)
def test_uniform_indices_are_in_order_and_inside(num_frames, n, offset):
    indices = uniform_indices(num_frames, n, offset)
    assert len(indices) == n
    assert (np.diff(indices) >= 0).all()
    assert indices[0] >= 0
    assert indices[-1] < num_frames


@given(counts, st.integers(1, 64), offsets)
def test_uniform_indices_take_one_frame_from_each_part(num_frames, n, offset):
    indices = uniform_indices(num_frames, n, offset)
    parts = np.arange(n) * num_frames / n
    assert (indices >= np.floor(parts)).all()
    assert (indices <= parts + num_frames / n).all()


@given(counts, st.integers(1, 64), offsets)
def test_uniform_indices_repeat_only_in_short_videos(num_frames, n, offset):
    indices = uniform_indices(num_frames, n, offset)
    if num_frames >= n:
        assert len(set(indices.tolist())) == n
    else:  # every frame of a short video is used
        assert set(indices.tolist()) >= set(range(num_frames)) or offset > 0


@given(st.integers(1, 300), st.integers(2, 32), offsets)
def test_uniform_indices_are_evenly_spaced(num_frames, n, offset):
    steps = np.diff(uniform_indices(num_frames, n, offset))
    assert steps.max() - steps.min() <= 1


def test_uniform_indices_by_hand():
    assert uniform_indices(8, 4, 0.0).tolist() == [0, 2, 4, 6]
    assert uniform_indices(8, 4).tolist() == [1, 3, 5, 7]
    assert uniform_indices(2, 4).tolist() == [0, 0, 1, 1]
    assert uniform_indices(1, 3).tolist() == [0, 0, 0]


@given(
    st.lists(st.floats(0.001, 1), min_size=1, max_size=200),
    st.integers(1, 32),
    st.floats(0.001, 2),
    offsets,
)
def test_stride_indices_show_what_was_on_screen(durations, n, step_s, offset):
    times = np.concatenate([[3.0], 3.0 + np.cumsum(durations)])
    indices = stride_indices(times, n, step_s, offset)
    assert len(indices) == n
    assert (np.diff(indices) >= 0).all()
    assert indices[0] >= 0
    assert indices[-1] < len(times)
    room_s = max(0.0, times[-1] - times[0] - (n - 1) * step_s)
    moments = times[0] + offset * room_s + step_s * np.arange(n)
    assert (times[indices] <= moments + 2e-6).all()
    later = np.minimum(indices + 1, len(times) - 1)
    assert ((times[later] > moments) | (indices == len(times) - 1)).all()


def test_stride_indices_follow_time_not_frame_numbers():
    times = np.array([0.0, 0.1, 0.2, 0.3, 1.0, 2.0])  # the frame rate drops
    assert stride_indices(times, 3, 1.0, 0.0).tolist() == [0, 4, 5]
    assert stride_indices(times, 5, 1.0, 0.0).tolist() == [0, 4, 5, 5, 5]


def test_clip_indices_follow_the_config():
    times = np.arange(50) / 25
    assert clip_indices(times, ClipConfig(frames=5)).tolist() == [5, 15, 25, 35, 45]
    stride = ClipConfig(frames=3, sampling="stride", stride_s=0.4)
    assert clip_indices(times, stride, 0.0).tolist() == [0, 10, 20]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: uniform_indices(0, 4), "num_frames is 0; accepted: 1 or more"),
        (lambda: uniform_indices(4, 0), "n is 0; accepted: 1 or more"),
        (lambda: uniform_indices(4, 4, 1.0), "offset is 1.0; accepted: 0 <= offset < 1"),
        (lambda: stride_indices([0.0], 2, 0.0), "step_s is 0.0; accepted: above 0"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
