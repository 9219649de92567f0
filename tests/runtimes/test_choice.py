import json

import pytest
import torch

import transnet
from tests.helpers import TINY_BACKBONE
from transnet import TransNetError, VideoError
from transnet.cli import main
from transnet.data.cache.features import FeatureCache
from transnet.data.manifest import ClipRecord
from transnet.inference.features import FeatureExtractor
from transnet.model.backbone import Backbone
from transnet.runtimes.choice import VARIABLE, accelerated
from transnet.runtimes.engines import installed_runtimes
from transnet.utils.paths import cache_folder

SIZE = 32
ENDLESS = 10**9


@pytest.fixture
def backbone():
    torch.manual_seed(0)
    return Backbone(TINY_BACKBONE, size=SIZE).freeze()


@pytest.fixture
def frames():
    return torch.rand(3, 3, SIZE, SIZE)


def kept_files():
    folder = cache_folder() / "runtimes"
    return {path: path.stat().st_mtime_ns for path in folder.glob("*")}


def runtime_for(backbone, num_frames):
    with accelerated(backbone, num_frames) as runtime:
        return runtime


def features(backbone, frames):
    with torch.inference_mode():
        return backbone(frames)


@pytest.mark.slow
def test_runtimes_are_tried_once_and_the_times_kept(backbone, frames, capsys):
    expected = features(backbone, frames)
    with accelerated(backbone, ENDLESS) as chosen:
        assert chosen in installed_runtimes()
        assert "per frame: eager" in capsys.readouterr().err
        torch.testing.assert_close(features(backbone, frames), expected, atol=1e-5, rtol=1e-4)
    assert torch.equal(features(backbone, frames), expected)  # PyTorch's again
    kept = kept_files()
    (record,) = [path for path in kept if path.suffix == ".json"]
    speeds = json.loads(record.read_text())
    assert set(speeds) == set(installed_runtimes())
    assert chosen == min(speeds, key=lambda name: speeds[name]["frame_s"])
    assert runtime_for(backbone, ENDLESS) == chosen
    assert runtime_for(backbone, None) == chosen
    assert kept_files() == kept
    assert not capsys.readouterr().err


@pytest.mark.slow
def test_a_cache_that_cannot_be_written_hinders_nobody(backbone, frames, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("TRANSNET_CACHE", str(tmp_path / "file"))
    expected = features(backbone, frames)
    before = torch.get_rng_state()
    with accelerated(backbone, ENDLESS):
        torch.testing.assert_close(features(backbone, frames), expected, atol=1e-5, rtol=1e-4)
    assert torch.equal(torch.get_rng_state(), before)  # nor is chance disturbed


def test_little_work_is_done_at_once(backbone, capsys):
    assert runtime_for(backbone, 2) == "eager"
    assert not kept_files()
    assert not capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("runtime", installed_runtimes())
def test_every_runtime_can_be_asked_for(backbone, frames, runtime, monkeypatch):
    expected = features(backbone, frames)
    monkeypatch.setenv(VARIABLE, runtime)
    with accelerated(backbone, None) as outer, accelerated(backbone, None) as inner:
        assert (outer, inner) == (runtime, runtime)
        found = features(backbone, frames)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_other_weights_are_another_network(backbone, frames, monkeypatch):
    monkeypatch.setenv(VARIABLE, "onnx")
    assert runtime_for(backbone, None) == "onnx"
    torch.manual_seed(1)
    other = Backbone(TINY_BACKBONE, size=SIZE).freeze()
    expected = features(other, frames)
    with accelerated(other, None):
        torch.testing.assert_close(features(other, frames), expected, atol=1e-5, rtol=1e-4)
    assert len([path for path in kept_files() if path.suffix == ".onnx"]) == 2


def test_a_graph_of_an_earlier_version_of_motion_is_not_used(frames, monkeypatch):
    backbone = Backbone(TINY_BACKBONE, size=SIZE, inner=True).freeze()
    monkeypatch.setenv(VARIABLE, "onnx")
    with monkeypatch.context() as earlier:
        earlier.setattr("transnet.model.backbone.FINE_CHANNELS", 2)
        earlier.setattr("transnet.runtimes.measured_speed.MOTION_VERSION", 0)
        assert runtime_for(backbone, None) == "onnx"
    with torch.inference_mode():
        expected = backbone.maps(frames)
        with accelerated(backbone, None):
            found = backbone.maps(frames)
    for map_found, map_expected in zip(found, expected, strict=True):
        torch.testing.assert_close(map_found, map_expected, atol=1e-5, rtol=1e-4)


def test_gradients_come_from_pytorch(backbone, frames, monkeypatch):
    monkeypatch.setenv(VARIABLE, "onnx")
    frames.requires_grad_()
    with accelerated(backbone, None):
        backbone(frames).sum().backward()
    assert frames.grad is not None and frames.grad.abs().sum() > 0


def test_a_damaged_graph_is_given_up_and_named(backbone, frames, capsys):
    expected = features(backbone, frames)
    runtime_for(backbone, ENDLESS)
    (record,) = [path for path in kept_files() if path.suffix == ".json"]
    record.write_text(json.dumps({"onnx": {"open_s": 0.0, "frame_s": 0.0}}))
    for path in kept_files():
        if path.suffix == ".onnx":
            path.write_bytes(b"nonsense")
    capsys.readouterr()
    assert runtime_for(backbone, None) == "eager"
    assert "PyTorch is used instead" in capsys.readouterr().err
    assert torch.equal(features(backbone, frames), expected)
    assert not [path for path in kept_files() if path.suffix in (".onnx", ".json")]


def test_a_damaged_record_is_as_good_as_none(backbone):
    runtime_for(backbone, ENDLESS)
    (record,) = [path for path in kept_files() if path.suffix == ".json"]
    for content in ("", "nonsense", "[]", '{"onnx": {"open_s": 1}}', '{"onnx": 3}', '{"x": 1}'):
        record.write_text(content)
        assert runtime_for(backbone, None) == "eager"


def test_a_runtime_that_is_none(backbone, monkeypatch):
    monkeypatch.setenv(VARIABLE, "tensorrt")
    with pytest.raises(TransNetError, match=r"is 'tensorrt'; accepted: auto, eager, compiled"):
        runtime_for(backbone, 1)


def test_a_network_on_another_device_is_left_alone(backbone, monkeypatch):
    monkeypatch.setenv(VARIABLE, "onnx")
    assert runtime_for(backbone.to("meta"), ENDLESS) == "eager"
    assert not kept_files()


@pytest.mark.slow
def test_equal_answers_in_another_runtime(trained_run, clips_folder, monkeypatch, capsys):
    clips = sorted(map(str, (clips_folder / "boxing").rglob("*.avi")))[:3]
    expected = [transnet.load(trained_run).predict(clip).to_dict() for clip in clips]
    monkeypatch.setenv(VARIABLE, "onnx")
    recognizer = transnet.load(trained_run)
    with recognizer.accelerated() as runtime:
        assert runtime == "onnx"
        answers = [answer.to_dict() for answer in recognizer.predict_all(clips)]
    assert main(["predict", str(trained_run), *clips, "--json"]) == 0
    shown = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for answer, as_shown, right in zip(answers, shown, expected, strict=True):
        as_shown.pop("trained_on", None)
        assert answer == as_shown
        assert answer["scores"] == pytest.approx(right["scores"], abs=1e-4)


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.parametrize("runtime", sorted({"onnx", "openvino"} & set(installed_runtimes())))
def test_several_clips_at_once_get_the_same_answers(
    trained_run, clips_folder, tmp_path, runtime, monkeypatch, three_threads
):
    clips = sorted(clips_folder.rglob("*.avi"))[:8]
    recognizer = transnet.load(trained_run)
    backbone = recognizer.model.backbone.freeze()
    expected = [recognizer.predict(clip) for clip in clips]
    monkeypatch.setenv(VARIABLE, runtime)
    with recognizer.accelerated():
        assert backbone.max_concurrency == 1  # a stream's next frame needs the answer of the last
    with recognizer.accelerated(1000):
        assert backbone.max_concurrency == 3
        *answers, last = recognizer.predict_all([*clips, tmp_path / "gone.mp4"])
    assert backbone.max_concurrency == 1 and torch.get_num_threads() == 3
    assert isinstance(last, VideoError)
    assert [answer.path for answer in answers] == list(map(str, clips))
    records = [ClipRecord(clip, "x", "x") for clip in clips]
    info = recognizer.info
    normalization = info.backbone.mean, info.backbone.std
    with FeatureCache(tmp_path / "features") as cache:
        extractor = FeatureExtractor(recognizer.model, info.clip, *normalization, cache)
        found = extractor.extract(records, title="features")
        encoded = extractor.encoded([found.keys[record][0] for record in records])
    assert found.computed == len(clips)
    with torch.inference_mode():
        rows = recognizer.model.classify(*encoded).softmax(dim=1).tolist()
    for answer, row, right in zip(answers, rows, expected, strict=True):
        assert answer.scores == pytest.approx(right.scores, abs=1e-4)
        named = dict(zip(recognizer.classes, row, strict=True))
        assert named == pytest.approx(dict(answer.scores), abs=1e-6)


def test_many_files_are_answered_in_order(trained_run, clips_folder, tmp_path):
    clips = sorted(clips_folder.rglob("*.avi"))[:4]
    recognizer = transnet.load(trained_run)
    files = [*clips[:2], tmp_path / "gone.mp4", *clips[2:]]
    answers = list(recognizer.predict_all(files, workers=3))
    assert [isinstance(answer, VideoError) for answer in answers] == [False, False, True] + [
        False
    ] * 2
    right = [recognizer.predict(clip) for clip in clips]
    assert [answer for answer in answers if not isinstance(answer, VideoError)] == right
