import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from transnet import TransNetError
from transnet.model.streaming import StreamingTransNet
from transnet.model.transnet import TransNet

SIZE = 32
BACKBONES = ("test_resnet.r160_in1k", "test_efficientnet.r160_in1k")


def network(backbone=BACKBONES[0], num_frames=4, readout="pool", seed=0, cues="appearance"):
    torch.manual_seed(seed)
    sizes = {"num_frames": num_frames, "size": SIZE, "features": 8, "filters": 6}
    model = TransNet(backbone, 3, readout=readout, cues=cues, **sizes)
    for parameter in model.temporal.parameters():
        torch.nn.init.normal_(parameter)
    return model.eval()


def streamed(model, gaps_ms, step_s, seed):
    """Push frames so far apart; yields those so far, their times, and the window."""
    generator = torch.Generator().manual_seed(seed)
    frames = torch.rand(len(gaps_ms), 3, SIZE, SIZE, generator=generator)
    times_s = np.cumsum(gaps_ms) / 1000
    stream = StreamingTransNet(model, step_s)
    for count, (frame, time_s) in enumerate(zip(frames, times_s, strict=True), start=1):
        yield frames[:count], times_s[:count], stream.push(frame, time_s)


def nearest(times_s, moment_s):
    """By definition: the nearest frame, the later one of two."""
    distance = np.abs(np.asarray(times_s) - moment_s)
    return int(np.flatnonzero(distance <= distance.min() + 2e-6)[-1])


@pytest.mark.parametrize("readout", ["pool", "flatten"])
@pytest.mark.parametrize("backbone", BACKBONES)
def test_a_window_gives_the_logits_of_the_clip_of_its_frames(backbone, readout):
    model = network(backbone, 5, readout)
    stream = StreamingTransNet(model, step_s=0.2)
    frames = torch.rand(40, 3, SIZE, SIZE)
    windows = [stream.push(frame, 0.04 * i) for i, frame in enumerate(frames)]
    assert [window is None for window in windows] == [True] * 20 + [False] * 20
    with torch.inference_mode():
        for last in range(20, 40):  # at 25 frames a second the step is five frames
            clip = frames[[last - 20, last - 15, last - 10, last - 5, last]]
            assert torch.allclose(windows[last].logits, model(clip[None])[0], atol=1e-5, rtol=1e-5)


MODELS = {(n, readout): network(num_frames=n, readout=readout)
          for n in (2, 3, 7) for readout in ("pool", "flatten")}  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(
    gaps_ms=st.lists(st.integers(0, 900), min_size=1, max_size=40),
    step_ms=st.integers(20, 800),
    key=st.sampled_from(sorted(MODELS)),
    seed=st.integers(0, 99),
)
def test_any_frame_rate_and_any_step(gaps_ms, step_ms, key, seed):
    model, n, step_s = MODELS[key], key[0], step_ms / 1000
    for frames, times_s, window in streamed(model, gaps_ms, step_s, seed):
        if times_s[-1] - times_s[0] < (n - 1) * step_s - 1e-6:
            assert window is None
            continue
        shown = [nearest(times_s, times_s[-1] - step_s * k) for k in range(n - 1, -1, -1)]
        assert window.times_s == tuple(times_s[shown])
        with torch.inference_mode():
            expected = model(frames[shown][None])[0]
        assert torch.allclose(window.logits, expected, atol=1e-5, rtol=1e-5)


MOTION = {n: network(num_frames=n, cues="both") for n in (2, 5)}


@settings(max_examples=40, deadline=None)
@given(
    gaps_ms=st.one_of(
        st.lists(st.integers(1, 900), min_size=1, max_size=40),
        st.integers(1, 400).map(lambda gap_ms: [gap_ms] * 40),
    ),
    step_ms=st.integers(20, 400),
    n=st.sampled_from(sorted(MOTION)),
    seed=st.integers(0, 99),
)
def test_with_motion_any_frame_rate_is_answered_as_a_clip_of_its_frames(gaps_ms, step_ms, n, seed):
    model, step_s = MOTION[n], step_ms / 1000
    for frames, times_s, window in streamed(model, gaps_ms, step_s, seed):
        is_full = times_s[-1] - times_s[0] >= (n - 1) * step_s - 1e-6
        assert (window is not None) == is_full
        if window is None:
            continue
        moments_s = times_s[-1] - step_s * np.arange(n - 1, -1, -1)
        widest_s = np.diff(times_s).max()
        assert np.abs(np.array(window.times_s) - moments_s).max() <= step_s + widest_s
        shown = np.searchsorted(times_s, np.array(window.times_s) - 1e-6)
        with torch.inference_mode():
            expected = model(frames[shown][None])[0]
        assert torch.allclose(window.logits, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("fps", [3, 7, 9, 15.4, 25, 30])
def test_with_motion_a_window_is_as_long_as_without(fps):
    model, frame = MOTION[5], torch.rand(3, SIZE, SIZE)
    stream = StreamingTransNet(model, 0.1)
    windows = [stream.push(frame, number / fps) for number in range(int(4 * fps))]
    spans_s = [window.times_s[-1] - window.times_s[0] for window in windows if window is not None]
    assert len(spans_s) == sum(number / fps >= 0.4 - 1e-6 for number in range(int(4 * fps)))
    assert np.abs(np.array(spans_s) - 0.4).max() <= 1.5 / fps


def test_memory_is_that_of_one_window():
    stream = StreamingTransNet(network(num_frames=3), step_s=0.5)
    frame = torch.rand(3, SIZE, SIZE)
    lengths = []
    for number in range(300):
        stream.push(frame, number / 20)
        lengths.append(len(stream))
    assert max(lengths) == lengths[25] == lengths[-1] == 21


def test_memory_is_bounded_for_a_clock_in_the_wrong_unit(monkeypatch):
    monkeypatch.setattr("transnet.model.streaming.MAX_FRAMES_PER_STEP", 10)
    stream = StreamingTransNet(network(), step_s=0.1)
    frame = torch.zeros(3, 32, 32)
    windows = 0
    for number in range(400):
        windows += stream.push(frame, number * 1e-3) is not None
        assert len(stream) <= 2 * 10 * 4
    assert windows == 400 - 300


def test_another_video_starts_anew():
    model = network(num_frames=3)
    stream, fresh = StreamingTransNet(model, 0.1), StreamingTransNet(model, 0.1)
    frames = torch.rand(6, 3, SIZE, SIZE)
    for number, frame in enumerate(frames):
        stream.push(frame, 5 + number / 10)
    stream.reset()
    again = [stream.push(frame, number / 10) for number, frame in enumerate(frames)]
    alone = [fresh.push(frame, number / 10) for number, frame in enumerate(frames)]
    assert again[:2] == [None, None]
    for one, other in zip(again[2:], alone[2:], strict=True):
        assert torch.equal(one.logits, other.logits)


@pytest.mark.parametrize("time_s", [0.9, float("nan"), float("inf")])
def test_times_that_go_backwards_are_named(time_s):
    stream = StreamingTransNet(network(), 0.2)
    stream.push(torch.rand(3, SIZE, SIZE), 1.0)
    with pytest.raises(TransNetError, match=r"time_s is .*, after a frame of 1\.0 s; accepted"):
        stream.push(torch.rand(3, SIZE, SIZE), time_s)


def test_a_step_of_nothing_is_named():
    with pytest.raises(TransNetError, match="step_s is 0; accepted: above 0"):
        StreamingTransNet(network(), 0)


@pytest.mark.parametrize(("fps", "step_s"), [(30, 0.2), (24, 0.1), (15.4, 0.1)])
def test_with_motion_a_hiccup_is_forgotten(fps, step_s):
    stream, frame = StreamingTransNet(MOTION[5], step_s), torch.rand(3, SIZE, SIZE)
    gaps_s = np.full(150, 1 / fps)
    gaps_s[60] += 0.5
    back_s = step_s * np.arange(4, -1, -1)
    for number, time_s in enumerate(np.cumsum(gaps_s)):
        window = stream.push(frame, time_s)
        if number > 110:
            assert np.abs(np.array(window.times_s) - (time_s - back_s)).max() <= 1.7 / fps


def test_with_motion_a_frame_of_equal_time_after_a_pause_is_answered():
    stream, frame = StreamingTransNet(MOTION[5], 0.2), torch.rand(3, SIZE, SIZE)
    times_s = [0, 0.2, 0.4, 0.6, 0.8, 5.0, 5.0, 5.1, 5.3]
    windows = [stream.push(frame, time_s) for time_s in times_s]
    assert [window is None for window in windows] == [True] * 4 + [False] * 5
