"""Clips that show none of the classes: learned from ``_none``, or told by their distance."""

import csv
import json
import shutil

import pytest

import transnet
from tests.helpers import narrow_threshold, train_tiny
from transnet import (
    EventDetector,
    ModelConfig,
    StreamConfig,
    TransNetError,
)
from transnet.checkpoints.run import load_run_info
from transnet.cli import main
from transnet.inference.prediction import UNKNOWN, Prediction


@pytest.fixture(scope="module")
def none_data(clips_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("with_none") / "clips"
    shutil.copytree(clips_folder, folder)
    (folder / "walking").rename(folder / "_none")
    return folder


@pytest.fixture(scope="module")
def none_run(none_data, tmp_path_factory):
    """A run that learned walking as no class at all."""
    folder = tmp_path_factory.mktemp("none")
    return train_tiny(none_data, folder, model=ModelConfig(cues="appearance"))


@pytest.fixture
def run(trained_run, tmp_path):
    """A copy that a test may write into."""
    return shutil.copytree(trained_run, tmp_path / "run")


def test_none_is_no_class(none_run, none_data):
    info = load_run_info(none_run)
    assert info.classes == ("boxing", "handwaving")
    assert info.outputs == ("boxing", "handwaving", "_none")
    recognizer = transnet.load(none_run)
    for path in sorted(none_data.rglob("*.avi")):
        found = recognizer.predict(path)
        assert set(found.scores) == {"boxing", "handwaving"}
        assert sum(found.scores.values()) + found.none_score == pytest.approx(1, abs=1e-5)
        assert found.known == (found.none_score <= found.score)
        assert found.label == (next(iter(found.scores)) if found.known else UNKNOWN)
        assert found.to_dict()["known"] == found.known
    window = next(recognizer.stream(path))
    assert set(window.scores) == {"boxing", "handwaving"}
    assert window.none_score > 0


def test_clips_of_none_are_evaluated(none_run, tmp_path):
    run = shutil.copytree(none_run, tmp_path / "run")
    evaluation = transnet.evaluate(run)
    assert set(evaluation.per_class) == {"boxing", "handwaving", "_none"}
    assert evaluation.unknown.source == "clips"
    assert evaluation.unknown.num_clips == evaluation.per_class["_none"].num_clips
    with open(run / "predictions.csv", newline="", encoding="utf-8") as file:
        assert "_none" not in {row["answer"] for row in csv.DictReader(file)}
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "None of the classes" in page and "if _none is the most probable" in page


def test_an_export_knows_none_too(none_run, none_data, tmp_path):
    from transnet.deploy.export import export

    path = next(none_data.rglob("*.avi"))
    expected = transnet.load(none_run).predict(path)
    found = transnet.load(export(str(none_run), out=str(tmp_path / "export"))).predict(path)
    assert found.scores == pytest.approx(expected.scores, abs=1e-4)
    assert found.none_score == pytest.approx(expected.none_score, abs=1e-4)


def test_none_is_never_an_event():
    detector = EventDetector(StreamConfig(smooth_s=0, min_s=0, enter=0.4, leave=0.3))
    windows = [(0.45, 0.05, 0.5), (0.5, 0.1, 0.4), (0.35, 0.05, 0.6), (0.0, 0.0, 1.0)]
    segments = []
    for moment, probabilities in enumerate(windows):
        outputs = ("walk", "wave", "_none")
        window = Prediction.of("x", outputs, probabilities, moment, moment + 1.0)
        assert window.known == (probabilities[2] < probabilities[0])
        segments.append(detector.update(window))
    segments.append(detector.finish())
    assert [s.label for s in segments if s] == [UNKNOWN, "walk", UNKNOWN]


def test_a_strange_video_is_unknown_where_evaluate_says_that_it_pays(
    run, clips_folder, make_video, capsys
):
    strange = make_video("strange/clip.mp4", 40)
    known = next((clips_folder / "boxing").rglob("*.avi"))
    assert transnet.load(run).predict(strange).known  # not evaluated yet
    narrow_threshold(run, strange)
    assert not transnet.load(run, unknown="on").predict(strange).known
    evaluation = transnet.evaluate(run, unknown=str(strange.parent))
    assert (evaluation.unknown.told, evaluation.unknown.num_clips) == (1, 1)
    assert evaluation.unknown.pays == (evaluation.unknown.lost <= 0.1)
    written = json.loads((run / "metrics.json").read_text())
    written["unknown"]["pays"] = True
    (run / "metrics.json").write_text(json.dumps(written))
    assert transnet.load(run).predict(known).known
    capsys.readouterr()
    assert main(["predict", str(run), str(strange), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["label"], found["known"]) == (UNKNOWN, False)
    assert found["score"] == max(found["scores"].values())
    assert main(["predict", str(run), str(strange), "--unknown", "off"]) == 0
    assert UNKNOWN not in capsys.readouterr().out


def test_without_other_clips_each_class_is_left_out(run):
    unknown = transnet.evaluate(run).unknown
    assert (unknown.source, unknown.num_known) == ("left-out classes", 6)
    page = (run / "report.html").read_text(encoding="utf-8")
    assert f"<b>{unknown.num_lost} of 6</b>" in page
    assert f"{unknown.threshold:.4f}" in page
    assert "1.25 times the distance" in page


def test_what_cannot_tell_is_named(run, clips_folder, tmp_path):
    (run / "novelty.safetensors").write_bytes(b"damaged")
    with pytest.raises(TransNetError, match=r"novelty.safetensors is damaged.*unknown='off'"):
        transnet.load(run, unknown="on")
    (run / "novelty.safetensors").unlink()
    with pytest.raises(TransNetError, match="unknown is 'on', but .* has no novelty"):
        transnet.load(run, unknown="on")
    assert transnet.evaluate(run).unknown is None
    with pytest.raises(
        TransNetError, match="no novelty.safetensors: .*leave unknown out, or train"
    ):
        transnet.evaluate(run, unknown=str(clips_folder), cache=str(tmp_path / "features"))
    assert not (tmp_path / "features").exists()  # before anything is decoded
    with pytest.raises(TransNetError, match="unknown is 'maybe'; accepted: auto, on, off"):
        transnet.load(run, unknown="maybe")
    with pytest.raises(TransNetError, match="accepted: a folder of videos"):
        transnet.evaluate(run, unknown=str(tmp_path / "gone"))
