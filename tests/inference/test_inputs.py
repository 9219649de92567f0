"""What ``predict`` takes."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

import transnet
from tests.helpers import numbered_frame
from transnet import TransNetError, VideoError
from transnet.data.video.reader import decode_frames


@pytest.fixture(scope="module")
def recognizer(trained_run):
    return transnet.load(trained_run)


def test_a_file_its_bytes_and_its_clip_give_equal_scores(recognizer, make_video):
    path = make_video("clip.mp4")
    expected = recognizer.predict(path)
    content = path.read_bytes()
    clip = transnet.read_clip(path, recognizer.info.clip)
    with open(path, "rb") as file:
        for video in (str(path), content, bytearray(content), io.BytesIO(content), file, clip):
            found = recognizer.predict(video)
            assert (found.scores, found.end_s) == (expected.scores, expected.end_s)
    part = recognizer.predict(content, start=5, end=15)
    assert part.scores == recognizer.predict(path, start=5, end=15).scores


def test_frames_are_sampled_as_those_of_a_file(recognizer, make_video):
    path = make_video("clip.mp4")
    frames = np.stack([pixels for pixels, _ in decode_frames(path)])
    expected = recognizer.predict(path)
    pictures = [Image.fromarray(pixels) for pixels in frames]
    for video in (frames, torch.from_numpy(frames), list(frames), tuple(pictures)):
        found = recognizer.predict(video)
        assert found.path == "frames"
        assert found.end_s == pytest.approx(expected.end_s)
        # The file's frames are resized from YUV, these from RGB.
        assert list(found.scores) == list(expected.scores)
        assert found.score == pytest.approx(expected.score, abs=0.02)
    late = recognizer.predict(frames, start=10, fps=10)
    assert (late.start_s, late.end_s) == (1.1, 1.8)


@pytest.mark.parametrize(
    ("video", "message"),
    [
        (3, "the video is a int; accepted: a path, the bytes"),
        ({"secret": 1}, "the video is a dict; accepted"),
        ([], "an empty list; accepted"),
        (["secret.mp4"], "a list with a str; accepted"),
        (np.zeros((4, 8, 8), np.uint8), r"uint8 of shape \(4, 8, 8\); accepted"),
        (torch.zeros(4, 3, 8, 8), r"float32 of shape \(4, 3, 8, 8\); accepted"),
        (np.zeros((0, 8, 8, 3), np.uint8), r"of shape \(0, 8, 8, 3\); accepted"),
        ([np.zeros((8, 8), np.uint8)], r"the picture is uint8 of shape \(8, 8\); accepted"),
        (io.StringIO("secret"), "a file opened as text; accepted"),
    ],
)
def test_what_is_refused_is_named_without_its_content(recognizer, video, message):
    with pytest.raises(TransNetError, match=message) as caught:
        recognizer.predict(video)
    assert "secret" not in str(caught.value)


def test_bytes_that_are_no_video_are_named_so(recognizer):
    with pytest.raises(VideoError, match="^bytes: "):
        recognizer.predict(b"no video")


def test_a_clip_of_other_settings_is_refused(recognizer, make_video):
    clip = transnet.read_clip(make_video("clip.mp4"), transnet.ClipConfig(frames=5, size=64))
    with pytest.raises(TransNetError, match=r"shape \(5, 64, 64, 3\); accepted: \(4, 64, 64, 3\)"):
        recognizer.predict(clip)


def test_frames_out_of_range_and_fps_are_refused(recognizer):
    frames = [numbered_frame(0, 64, 48)] * 4
    with pytest.raises(TransNetError, match="the video has 4 frames"):
        recognizer.predict(frames, start=4)
    with pytest.raises(TransNetError, match="fps is 0; accepted: above 0"):
        recognizer.predict(frames, fps=0)


def test_the_embedding_has_a_vector_for_the_clip_and_each_frame(recognizer, make_video):
    path = make_video("clip.mp4")
    found = recognizer.embed(path)
    assert found.frames.shape == (4, found.clip.size)
    assert np.allclose(found.clip, found.frames.mean(axis=0))
    assert found.times_s.tolist() == transnet.read_clip(path, recognizer.info.clip).times_s.tolist()


def test_the_best_classes(recognizer, make_video):
    prediction = recognizer.predict(make_video("clip.mp4"))
    assert prediction.top_k(2) == list(prediction.scores.items())[:2]
    assert prediction.top_k() == list(prediction.scores.items())


def test_a_saved_recognizer_predicts_the_same(recognizer, make_video, tmp_path):
    path = make_video("clip.mp4")
    copy = transnet.load(recognizer.save(tmp_path / "copy"))
    assert copy.predict(path).scores == recognizer.predict(path).scores
    with pytest.raises(TransNetError, match="which is not empty"):
        recognizer.save(tmp_path / "copy")


def test_an_export_is_loaded_too(exported, trained_run, recognizer, make_video):
    content = make_video("clip.mp4").read_bytes()
    export = transnet.load(exported)
    assert export.predict(content).scores == pytest.approx(
        recognizer.predict(content).scores, abs=1e-4
    )
    with pytest.raises(TransNetError, match="an export, which runs on the CPU"):
        transnet.load(exported, device="cuda")
    labels = {
        transnet.load(run, unknown="on").predict(content).label for run in (exported, trained_run)
    }
    assert len(labels) == 1
