"""What transnet export writes, and what it refuses to."""

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import onnx
import onnxruntime
import pytest

import transnet
from transnet import TransNetError
from transnet.cli import main
from transnet.deploy import runtime
from transnet.deploy.export import export
from transnet.deploy.verification import INT8_TOLERANCE
from transnet.deploy.window import Window

needs_openvino = pytest.mark.skipif(find_spec("openvino") is None, reason="openvino is not here")


@pytest.fixture(scope="module")
def videos(clips_folder):
    return sorted(clips_folder.rglob("*.avi"))[::7]


def test_an_export_answers_as_its_run_does(trained_run, exported, videos):
    run, recognizer = transnet.load(trained_run), runtime.load(exported)
    assert recognizer.classes == run.classes
    for video in videos:
        expected, found = run.predict(video), recognizer.predict(video)
        assert found.scores == pytest.approx(expected.scores, abs=1e-4)
        assert (found.label, found.start_s) == (expected.label, expected.start_s)
    part = {"start": 4, "end": 12}
    expected, found = run.predict(videos[0], **part), recognizer.predict(videos[0], **part)
    assert found.scores == pytest.approx(expected.scores, abs=1e-4)


def test_no_videos_have_no_predictions(exported):
    assert list(runtime.load(exported).predict_all([])) == []


def test_the_models_need_no_other_knowledge(exported):
    names = sorted(path.stem for path in exported.glob("*.onnx"))
    assert names == ["clip", "encoder", "head", "novelty"]
    assert (exported / "export.json").is_file()
    shapes = {
        "clip": ["batch", 4, 64, 64, 3],
        "encoder": ["batch", 64, 64, 3],
        "head": ["batch", 4, 64],
        "novelty": ["batch", 4, 256],
    }
    for form, shape in shapes.items():
        model = onnx.load(exported / f"{form}.onnx")
        assert model.opset_import[0].version >= 17
        given = model.graph.input[0]
        assert [d.dim_param or d.dim_value for d in given.type.tensor_type.shape.dim] == shape
        description = json.loads(model.metadata_props[0].value)
        assert description["classes"] == ["boxing", "handwaving", "walking"]
        assert description["clip"]["sampling"] == "uniform"
        assert "torch" in description["versions"]
    # The plain use of the model, without any of our code: uint8 in, probabilities out.
    session = onnxruntime.InferenceSession(str(exported / "clip.onnx"))
    for batch in (1, 3):
        blank = np.zeros((batch, 4, 64, 64, 3), np.uint8)
        scores, logits, distances = session.run(None, {"clips": blank})
        assert scores.shape == logits.shape == (batch, 3)
        assert distances.shape == (batch,)
        assert scores.sum(axis=1) == pytest.approx(np.ones(batch), abs=1e-5)
    checked = json.loads((exported / "export.json").read_text())["checked"]["float32"]
    assert checked["max_difference"] < 1e-4
    assert checked["max_distance_difference"] < 1e-4
    assert checked["top1_agreement"] == 1


def test_int8_says_what_it_costs(exported, exported_int8):
    checked = json.loads((exported_int8 / "export.json").read_text())["checked"]["int8"]
    assert checked["measured_on"] == "test clips"
    assert checked["num_clips"] == 6
    assert checked["top1_loss"] == checked["top1_float32"] - checked["top1_int8"]
    assert 0 <= checked["unknown_int8"] <= 1
    model = onnx.load(exported_int8 / "encoder.onnx")
    nodes = [node.op_type for node in model.graph.node]
    assert "QuantizeLinear" in nodes
    int8 = [i for i in model.graph.initializer if i.data_type == onnx.TensorProto.INT8]
    weights = [tensor for tensor in int8 if len(tensor.dims) > 1]  # the others are zero points
    assert len(weights) == checked["layers"] - checked["float32_layers"]
    assert checked["float32_layers"] <= checked["layers"] // 2


def test_int8_is_measured_on_clips_of_the_classes(trained_run, clips_folder, tmp_path):
    other = shutil.copytree(clips_folder, tmp_path / "clips")
    for folder in sorted(path for path in other.iterdir() if path.is_dir()):
        folder.rename(folder.with_name(f"other-{folder.name}"))
    with pytest.raises(TransNetError, match="none of the 6 clips .* labeled other.*name a dataset"):
        export(trained_run, out=str(tmp_path / "int8"), int8=True, data=str(other))
    assert not (tmp_path / "int8").exists()


@needs_openvino
def test_openvino_answers_as_the_run_does(trained_run, tmp_path, videos):
    folder = export(trained_run, out=str(tmp_path / "openvino"), format="openvino")
    assert {path.suffix for path in folder.iterdir()} == {".xml", ".bin", ".json"}
    expected = transnet.load(trained_run).predict(videos[0])
    recognizer = runtime.load(folder, threads=2)
    for video, prediction in zip(videos, recognizer.predict_all(videos), strict=True):
        alone = recognizer.predict(video)
        assert prediction.scores == pytest.approx(alone.scores, abs=1e-5)
    assert recognizer.predict(videos[0]).scores == pytest.approx(expected.scores, abs=1e-4)
    frames = np.random.default_rng(0).integers(0, 255, (3, 64, 64, 3), np.uint8)
    one_by_one = np.concatenate([recognizer.encode(frame[None]) for frame in frames])
    assert np.allclose(recognizer.encode(frames), one_by_one, atol=1e-5)
    with pytest.raises(TransNetError, match="does not take frames"):
        recognizer.encode(frames[:, :32])


@needs_openvino
@pytest.mark.parametrize("int8", [False, True])
def test_streams_in_openvino_score_as_clips_and_do_not_disturb_each_other(
    trained_run, tmp_path, int8
):
    out = str(tmp_path / "openvino")
    # max_loss: the answers of a tiny network near a tie may fall either way.
    folder = export(trained_run, out=out, format="openvino", int8=int8, max_loss=0.5)
    recognizer = runtime.load(folder)
    videos = np.random.default_rng(1).integers(0, 255, (2, 9, 64, 64, 3), np.uint8)
    videos.flags.writeable = False  # as np.frombuffer gives them
    windows = Window(recognizer), Window(recognizer)
    for frames in zip(*videos, strict=True):
        scores = [window.push(frame) for window, frame in zip(windows, frames, strict=True)]
    expected = recognizer.scores(videos[:, -4:])
    tolerance = INT8_TOLERANCE if int8 else 1e-5
    assert np.allclose([each.probabilities for each in scores], expected, atol=tolerance)
    with pytest.raises(TransNetError, match="does not take frames"):
        windows[0].push(videos[0, 0, :32])


_TWO_GO_AND_A_SIGNAL_COMES = """
import os, signal, sys
import numpy
from transnet.deploy.runtime import load

def answering():
    recognizer = load(sys.argv[1])
    recognizer.encode(numpy.zeros((1, 64, 64, 3), numpy.uint8))
    return recognizer

first, second = answering(), answering()
del first
del second
signal.signal(signal.SIGCHLD, lambda *_: None)
os.kill(os.getpid(), signal.SIGCHLD)
print("alive")
"""


@needs_openvino
def test_openvino_models_that_are_gone_leave_the_process_alive(trained_run, tmp_path):
    folder = export(trained_run, out=str(tmp_path / "openvino"), format="openvino")
    command = [sys.executable, "-c", _TWO_GO_AND_A_SIGNAL_COMES, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.returncode) == ("alive\n", 0)


@pytest.mark.slow
def test_a_wrong_export_is_refused_and_nothing_is_left(trained_run, tmp_path, monkeypatch):
    # An exporter that garbles a weight, as a faulty operator would.
    from transnet.deploy import graphs

    def garbled(*arguments):
        found = graphs_of(*arguments)
        initializers = found.encoder.graph.initializer
        weight = next(i for i in initializers if i.name.endswith("dense.weight"))
        values = onnx.numpy_helper.to_array(weight)
        weight.CopyFrom(onnx.numpy_helper.from_array(values * np.float32(-20), weight.name))
        return found

    graphs_of = graphs.graphs_of
    monkeypatch.setattr(graphs, "graphs_of", garbled)
    with pytest.raises(TransNetError, match="does not agree with .*: largest difference"):
        export(trained_run, out=str(tmp_path / "x"))
    assert list(tmp_path.iterdir()) == []


def test_what_stands_there_is_not_lost(trained_run, exported, tmp_path, capsys):
    assert main(["export", str(trained_run), "--out", str(exported)]) == 1
    assert "holds an export already; accepted: a new folder, or --overwrite" in (
        capsys.readouterr().err
    )
    (tmp_path / "thesis.txt").write_text("mine")
    assert main(["export", str(trained_run), "--out", str(tmp_path), "--overwrite"]) == 1
    assert "something other than an export" in capsys.readouterr().err
    assert (tmp_path / "thesis.txt").read_text() == "mine"


@pytest.mark.slow
def test_missing_clips_are_named(trained_run, clips_folder, tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(trained_run, run)
    table = run / "clips.csv"
    table.write_text(table.read_text().replace(str(clips_folder), "/gone"))
    assert main(["export", str(run), "--out", str(tmp_path / "x")]) == 1
    assert "name the dataset's current place with --data" in capsys.readouterr().err
    assert main(["export", str(run), "--out", str(tmp_path / "x"), "--max-loss", "2"]) == 1
    assert "--max-loss is 2.0; accepted: 0 to 1." in capsys.readouterr().err
    table.unlink()
    words = ["export", str(run), "--out", str(tmp_path / "x"), "--data", str(clips_folder)]
    assert main(words) == 0
    assert runtime.load(tmp_path / "x").classes == ("boxing", "handwaving", "walking")
