import json
import shutil

import av
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import transnet
from tests.helpers import numbered_frame
from transnet import StreamConfig, TransNetError
from transnet.config import ClipConfig
from transnet.data.clips import median_step_s, read_clip
from transnet.data.manifest import ClipRecord
from transnet.data.people.boxes import Box
from transnet.data.people.paths import PersonPath, Step
from transnet.data.preprocessing import Preprocessor, normalize
from transnet.data.video.frames import rgb_frame
from transnet.data.video.reader import VideoFile
from transnet.data.views import CENTER


@pytest.fixture
def recognizer(trained_run):
    return transnet.load(trained_run)


def noise(count, height=48, width=64, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", ["x.avi", "x.mp4", "x.mkv"])
def test_a_file_as_a_stream_has_the_pixels_and_scores_of_a_clip(recognizer, make_video, name):
    codec = "mpeg4" if name.endswith("avi") else "libx264"
    path = make_video(name, 16, fps=20, codec=codec, width=90, height=70, b_frames=2)
    session = recognizer.stream_session(StreamConfig(step_s=0.25), name=str(path))
    answers, seen = [], []
    with VideoFile(path) as video:
        for frame, time_s in video.timed_frames():
            answers.append(session.push(frame, time_s))
            seen.append(session.seen)
    # 4 frames, 5 apart: the last window is what stride sampling makes of the whole video.
    config = ClipConfig(frames=4, size=64, sampling="stride", stride_s=0.25)
    clip = read_clip(path, config)
    assert clip.indices.tolist() == [0, 5, 10, 15]
    assert np.array_equal(clip.frames, [seen[index] for index in clip.indices])
    pixels = torch.from_numpy(
        normalize(clip.frames, recognizer.info.backbone.mean, recognizer.info.backbone.std)
    )
    with torch.inference_mode():
        expected = recognizer.model(pixels[None]).softmax(dim=1)[0]
    assert answers[:15] == [None] * 15
    got = [answers[15].scores[label] for label in recognizer.classes]
    assert got == pytest.approx(expected.tolist(), abs=1e-5)
    assert (answers[15].start_s, answers[15].end_s) == tuple(clip.times_s[[0, -1]])
    streamed = list(recognizer.stream(path, StreamConfig(step_s=0.25)))
    assert streamed == [answers[15]]


def test_pushed_pixels_are_those_of_a_file_that_holds_them(recognizer, tmp_path):
    path, frames = tmp_path / "exact.mkv", noise(4)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=4)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr0"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    session = recognizer.stream_session(StreamConfig(step_s=0.25))
    prepared = []
    for number, frame in enumerate(frames):
        answer = session.push(frame, number / 4)
        prepared.append(session.seen)
    clip = read_clip(path, recognizer.info.clip)
    assert clip.indices.tolist() == [0, 1, 2, 3]
    assert np.array_equal(clip.frames, prepared)
    assert answer.scores == pytest.approx(recognizer.predict(path).scores, abs=1e-5)


def test_the_step_is_that_of_the_training_clips(recognizer, clips_folder, trained_run, tmp_path):
    # 16 frames at 20 a second, 4 of them taken: one of four parts of 0.2 s each.
    assert recognizer.info.step_s == pytest.approx(0.2)
    assert recognizer.stream_session().span_s == pytest.approx(0.6)
    assert recognizer.stream_session(StreamConfig(step_s=1.0)).span_s == pytest.approx(3)
    shutil.copytree(trained_run, tmp_path / "old")
    values = json.loads((trained_run / "transnet.json").read_text())
    del values["step_s"]
    (tmp_path / "old/transnet.json").write_text(json.dumps(values))
    weights = tmp_path / "old/model.safetensors"
    save_file(load_file(weights), weights)  # older weights do not say which record is theirs
    with pytest.raises(TransNetError, match="older version.*set step_s"):
        transnet.load(tmp_path / "old").stream_session()


def test_the_step_of_clips_of_many_lengths_and_ranges(make_video, tmp_path):
    empty = tmp_path / "empty.mp4"
    empty.touch()
    records = [ClipRecord(empty, "a", "g")]
    for number, frames in enumerate((10, 20, 90)):
        path = make_video(f"{number}.avi", frames, codec="mpeg4", fps=10, b_frames=number)
        records.append(ClipRecord(path, "a", "g"))
    assert median_step_s(records, ClipConfig(frames=5)) == pytest.approx(0.4)
    ranged = ClipRecord(path, "a", "g", 10, 40)
    assert median_step_s([ranged], ClipConfig(frames=5)) == pytest.approx(0.6)
    stride = ClipConfig(frames=5, sampling="stride", stride_s=0.3)
    assert median_step_s(records, stride) == 0.3
    assert median_step_s(records[:1], ClipConfig()) == 0


def test_the_step_of_clips_of_people_is_that_of_the_time_in_which_they_are_seen(make_video):
    config = ClipConfig(frames=5, crop="people")
    path = make_video("film.avi", 40, codec="mpeg4", fps=10)
    box = Box(0, 0, 20, 40)
    seen = PersonPath(tuple(Step(index / 10, box, (0.0, 0.0)) for index in range(15, 26)))
    clip = read_clip(path, config, person=seen)
    records = [
        ClipRecord(path, "a", "g", person=seen),
        ClipRecord(path, "a", "g", person=PersonPath(())),  # nobody: no clip
        ClipRecord(path, "a", "h", person=PersonPath(())),
    ]
    expected = (clip.times_s[-1] - clip.times_s[0]) / 4
    assert median_step_s(records, config) == pytest.approx(expected)


def test_only_due_frames_pass_the_network(recognizer):
    session = recognizer.stream_session(StreamConfig(every_s="step"))  # of 0.2 s
    answers = [session.push(frame, i / 20) for i, frame in enumerate(noise(40))]
    assert [i for i, answer in enumerate(answers) if answer] == [12, 16, 20, 24, 28, 32, 36]
    dense = recognizer.stream_session()
    every = [dense.push(frame, i / 20) for i, frame in enumerate(noise(40))]
    for one, other in zip(answers[12::4], every[12::4], strict=True):
        assert one.scores == pytest.approx(other.scores, abs=1e-5)
    # What a slow machine loses does not shift what follows.
    jitter = recognizer.stream_session(StreamConfig(every_s=0.2, step_s=0.2))
    kept = [i for i in range(40) if i % 7]
    looked = [i for i in kept if jitter.push(noise(1)[0], i / 20)]
    assert looked == [13, 17, 22, 25, 29, 33, 37]


def test_a_stream_looks_like_any_other_picture(recognizer):
    frame = numbered_frame(9, 64, 48)
    session = recognizer.stream_session()
    session.push(frame, 0.0)
    assert np.array_equal(session.seen, Preprocessor(64)([rgb_frame(frame)], CENTER)[0])


@pytest.mark.parametrize(
    "frame", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), noise(1)[:, :0]]
)
def test_what_is_no_picture_is_named(recognizer, frame):
    with pytest.raises(TransNetError, match=r"the frame is .* of shape .*; accepted: uint8 RGB"):
        recognizer.stream_session().push(frame, 0.0)


def test_memory_is_flat(recognizer):
    session = recognizer.stream_session(StreamConfig(step_s=0.1))
    frame = noise(1)[0]
    for number in range(200):
        session.push(frame, number / 10)
    before = resident_bytes()
    for number in range(200, 1200):
        session.push(frame, number / 10)
    assert resident_bytes() - before < 2 * 2**20


def resident_bytes():
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * 4096
    except FileNotFoundError:
        pytest.skip("memory is measured on Linux only")
