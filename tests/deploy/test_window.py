"""A stream with exported models."""

import shutil

import numpy as np
import onnx
import pytest

import transnet
from transnet.deploy import runtime
from transnet.deploy.models import convert
from transnet.deploy.sessions import OnnxSession
from transnet.deploy.window import Window
from transnet.errors import TransNetError


@pytest.mark.parametrize("kind", ["exported", "exported_int8"])
def test_each_window_of_a_stream_scores_as_a_clip_of_its_frames(kind, clips_folder, request):
    recognizer = runtime.load(request.getfixturevalue(kind), unknown="on")
    videos = sorted(clips_folder.rglob("*.avi"))[::9]
    clips = [transnet.read_clip(video, recognizer.info.clip).frames for video in videos]
    frames = np.concatenate(clips)
    frames.flags.writeable = False  # as np.frombuffer gives them
    window, count = Window(recognizer), recognizer.info.clip.frames
    for end, frame in enumerate(frames, start=1):
        scores = window.push(frame)
        if end < count:
            assert scores is None
            continue
        clip = frames[None, end - count : end]
        assert scores.probabilities == pytest.approx(recognizer.scores(clip)[0], abs=1e-4)
        distance = recognizer.distances(clip)[0]
        assert scores.distance == pytest.approx(distance, abs=1e-5)
        assert scores.known == (distance <= recognizer.threshold)
    assert len(frames) > count


def test_an_export_tells_how_far_apart_frames_come(exported, trained_run):
    assert runtime.load(exported).info.step_s == transnet.load(trained_run).info.step_s > 0


def test_a_stream_calls_the_encoder_once_a_frame(exported, monkeypatch):
    calls, run = [], OnnxSession.run

    def counted(session, *inputs):
        calls.append(inputs[0].shape)
        return run(session, *inputs)

    monkeypatch.setattr(OnnxSession, "run", counted)
    window, frame = Window(runtime.load(exported)), np.zeros((64, 64, 3), np.uint8)
    for _ in range(6):
        window.push(frame)
    assert calls.count((1, 64, 64, 3)) == 6


def test_streams_do_not_disturb_each_other(exported):
    recognizer, count = runtime.load(exported), runtime.load(exported).info.clip.frames
    clips = np.random.default_rng(0).integers(0, 255, (2, count, 64, 64, 3), np.uint8)
    windows = Window(recognizer), Window(recognizer)
    for frames in zip(*clips, strict=True):
        scores = [window.push(frame) for window, frame in zip(windows, frames, strict=True)]
    expected = recognizer.scores(clips)
    assert np.allclose([each.probabilities for each in scores], expected, atol=1e-5)


def test_an_export_of_an_earlier_version_is_named(exported, trained_run, tmp_path):
    shutil.copytree(exported, tmp_path / "before")
    encoder = convert(transnet.load(trained_run)).encoder  # without motion in it
    info = onnx.load(exported / "encoder.onnx").metadata_props[0]
    encoder.metadata_props.add(key=info.key, value=info.value)
    onnx.save(encoder, tmp_path / "before/encoder.onnx")
    (tmp_path / "before/export.json").unlink()  # it holds the digests of the files
    with pytest.raises(TransNetError, match=r"encoder\.onnx was exported by an earlier version"):
        Window(runtime.load(tmp_path / "before")).push(np.zeros((64, 64, 3), np.uint8))


def test_a_frame_of_another_size_is_an_error(exported):
    with pytest.raises(TransNetError, match="does not take frames"):
        Window(runtime.load(exported)).push(np.zeros((32, 32, 3), np.uint8))
