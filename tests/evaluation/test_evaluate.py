import csv
import json
import re
import shutil
from dataclasses import FrozenInstanceError, asdict

import pytest
import torch
from PIL import Image

import transnet
from transnet import TransNetError
from transnet.cli import main
from transnet.data.preprocessing import normalize
from transnet.data.views import CENTER, evaluation_views
from transnet.evaluation.metrics import calibration, classification_metrics
from transnet.evaluation.protocol import ViewCounts


@pytest.fixture
def run(trained_run, tmp_path):
    """A copy that a test may write into."""
    shutil.copytree(trained_run, tmp_path / "run")
    return tmp_path / "run"


def test_metrics_by_hand():
    probabilities = torch.tensor([
        [0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.1, 0.9, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0],
    ])  # fmt: skip
    labels = torch.tensor([0, 0, 1, 2, 2])
    metrics = classification_metrics(probabilities, labels, ["a", "b", "c"])
    assert metrics.top1 == pytest.approx(3 / 5)
    assert metrics.top5 == pytest.approx(4 / 5)  # the clip without an answer is wrong
    assert metrics.confusion == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]
    assert asdict(metrics.per_class["a"]) == pytest.approx(
        {"precision": 1.0, "recall": 0.5, "f1": 2 / 3, "num_clips": 2}
    )
    assert metrics.per_class["c"].recall == pytest.approx(0.5)
    assert metrics.macro_f1 == pytest.approx(2 / 3)
    assert metrics.num_clips == 5


def test_macro_f1_is_over_the_classes_that_are_tested():
    metrics = classification_metrics(torch.eye(3)[:2], torch.tensor([0, 1]), ["a", "b", "c"])
    assert metrics.macro_f1 == 1


def test_calibration_by_hand():
    probabilities = torch.tensor([[0.95, 0.05], [0.93, 0.07], [0.35, 0.65], [0.0, 0.0]])
    found = calibration(probabilities, torch.tensor([0, 1, 1, 0]))
    assert [b.num_clips for b in found.bins] == [1, 2]
    assert asdict(found.bins[1]) == pytest.approx(
        {"confidence": 0.94, "accuracy": 0.5, "num_clips": 2}
    )
    assert found.ece == pytest.approx((2 * 0.44 + 0.35) / 3)


def test_scores_of_several_views_are_averaged(run):
    evaluation = transnet.evaluate(run, temporal_views=2, spatial_views="three-crops")
    assert evaluation.views == ViewCounts(temporal=2, spatial="three-crops")
    assert "averaged over 2 samples of each video, three crops each" in evaluation.protocol.sentence
    recognizer = transnet.load(run)
    with open(run / "predictions.csv", newline="") as file:
        row = next(csv.DictReader(file))
    scores = []
    for view in evaluation_views(2, "three-crops"):
        pixels = normalize(
            transnet.read_clip(row["path"], recognizer.info.clip, view).frames,
            recognizer.info.backbone.mean, recognizer.info.backbone.std,
        )  # fmt: skip
        with torch.inference_mode():
            scores.append(recognizer.model(torch.from_numpy(pixels)[None]).softmax(dim=1)[0])
    assert float(row["score"]) == pytest.approx(torch.stack(scores).mean(dim=0).max().item(), 1e-4)


def test_views_are_every_combination():
    assert evaluation_views(1, "center") == (CENTER,)
    crops = evaluation_views(3, "three-crops")
    assert len(set(crops)) == 9
    assert {view.x for view in crops} == {0, 0.5, 1}
    assert {view.flip for view in evaluation_views(2, "flip")} == {False, True}
    assert [view.offset for view in evaluation_views(2)] == [0.25, 0.75]


def test_views_that_cannot_be(run):
    with pytest.raises(TransNetError, match="temporal_views is 0; accepted: 1 to 100"):
        transnet.evaluate(run, temporal_views=0)


def test_an_evaluation_agrees_with_predictions(run):
    evaluation = transnet.evaluate(run)
    assert evaluation.to_dict() == json.loads((run / "metrics.json").read_text())
    recognizer = transnet.load(run)
    rows = [line.split(",") for line in (run / "clips.csv").read_text().splitlines()[1:]]
    tested = [row for row in rows if row[5] == "test"]
    right = sum(recognizer.predict(row[0]).label == row[1] for row in tested)
    assert evaluation.num_clips == len(tested) == 6
    assert evaluation.top1 == pytest.approx(right / 6)
    assert evaluation.top1_interval is None  # a single person says nothing of others
    with open(run / "predictions.csv", newline="") as file:
        told = list(csv.DictReader(file))
    assert sum(row["answer"] == row["label"] for row in told) == right
    assert evaluation.protocol.name == "group"
    assert evaluation.protocol.siblings_in_train == 0
    assert "Tested on 6 clips" in evaluation.protocol.sentence


def test_the_file_keeps_its_keys_in_their_order(run):
    values = transnet.evaluate(run, device="cpu").to_dict()
    assert list(values) == [
        "top1", "top5", "macro_f1", "per_class", "confusion", "num_clips", "top1_interval",
        "calibration", "data", "views", "heat_on_person", "protocol", "broken", "seconds",
        "stage_seconds", "unknown", "num_groups", "evidence",
    ]  # fmt: skip
    assert list(values["per_class"]["boxing"]) == ["precision", "recall", "f1", "num_clips"]
    assert list(values["calibration"]) == ["ece", "bins"]
    assert list(values["calibration"]["bins"][0]) == ["confidence", "accuracy", "num_clips"]
    assert list(values["views"]) == ["temporal", "spatial"]
    assert list(values["protocol"]) == [
        "name", "split", "siblings_in_train", "trained_clips_in_test", "sentence"
    ]  # fmt: skip
    assert list(values["stage_seconds"]) == ["decode", "backbone"]


def test_an_evaluation_cannot_be_changed(run):
    with pytest.raises(FrozenInstanceError):
        transnet.evaluate(run).top1 = 1.0


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_missing_is_named(run):
    with pytest.raises(TransNetError, match="device is 'cuda', which PyTorch does not find"):
        transnet.evaluate(run, device="cuda")


def test_the_report_is_one_page_of_its_own(run):
    transnet.evaluate(run)
    page = (run / "report.html").read_text()
    assert "<svg" in page
    assert "Confusion matrix" in page
    assert "Protocol" in page
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)
    assert "data:image/jpeg;base64," in page


def test_the_confusion_matrix_is_a_table_and_a_picture(run):
    evaluation = transnet.evaluate(run)
    with open(run / "confusion.csv", newline="") as file:
        heading, *rows = csv.reader(file)
    assert heading[1:] == [row[0] for row in rows] == ["boxing", "handwaving", "walking"]
    assert [[int(count) for count in row[1:]] for row in rows] == evaluation.confusion
    with Image.open(run / "confusion.png") as picture:
        assert picture.width > 600


def test_clips_that_were_trained_on_are_refused(run, clips_folder, tmp_path, capsys):
    copy = shutil.copytree(clips_folder, tmp_path / "copy")
    assert main(["evaluate", str(run), "--data", str(copy)]) == 1
    assert "24 of the 30 test clips were trained on" in capsys.readouterr().err
    assert main(["evaluate", str(run), "--data", str(copy), "--allow-trained-clips"]) == 0
    protocol = json.loads((run / "metrics.json").read_text())["protocol"]
    assert protocol["trained_clips_in_test"] == 24
    assert "24 of them were themselves trained on" in (run / "report.html").read_text()


def test_a_leak_is_told_when_the_data_has_moved(clips_folder, tmp_path):
    from tests.helpers import TINY_BACKBONE

    data = shutil.copytree(clips_folder, tmp_path / "data")
    run = transnet.train(
        str(data), out=str(tmp_path / "run"), backbone=TINY_BACKBONE, weights="none",
        split="paper", clip=transnet.ClipConfig(frames=4, size=64),
        training=transnet.TrainingConfig(epochs=1, views=1),
    )  # fmt: skip
    before = transnet.evaluate(run).protocol.siblings_in_train
    moved = data.rename(tmp_path / "moved")
    evaluation = transnet.evaluate(run, data=str(moved), split="paper")
    assert evaluation.protocol.siblings_in_train == before > 0.5


def test_the_leak_of_another_dataset_is_unknown(run, make_video, tmp_path):
    for number, label in enumerate(("boxing", "walking")):
        make_video(f"{number}.mp4", 20 + number, folder=tmp_path / "other" / label)
    evaluation = transnet.evaluate(run, data=str(tmp_path / "other"))
    assert evaluation.protocol.siblings_in_train is None
    assert "it is unknown how many of them" in evaluation.protocol.sentence


def test_a_renamed_copy_of_a_training_clip_is_known(run, clips_folder, tmp_path):
    row = next(
        line.split(",")
        for line in (run / "clips.csv").read_text().splitlines()
        if ",train," in line
    )
    for label in ("boxing", "walking"):
        folder = tmp_path / "other" / label
        folder.mkdir(parents=True)
        shutil.copy(row[0], folder / "new_name.avi")
    with pytest.raises(TransNetError, match="2 of the 2 test clips were trained on"):
        transnet.evaluate(run, data=str(tmp_path / "other"))


def test_a_part_of_a_training_clip_is_known(run, tmp_path):
    row = next(
        line.split(",")
        for line in (run / "clips.csv").read_text().splitlines()
        if ",train," in line
    )
    (tmp_path / "part.csv").write_text(f"path,label,start,end\n{row[0]},boxing,3,9\n")
    with pytest.raises(TransNetError, match="1 of the 1 test clips were trained on"):
        transnet.evaluate(run, data=str(tmp_path / "part.csv"))


def test_the_runs_own_data_means_its_own_test_part(run, clips_folder, monkeypatch):
    monkeypatch.chdir(clips_folder.parent)
    assert transnet.evaluate(run, data="clips/").num_clips == 6


def test_the_papers_split_says_how_much_it_leaks(clips_folder, tmp_path, capsys):
    from tests.helpers import TINY_BACKBONE
    from transnet import ClipConfig, TrainingConfig

    run = transnet.train(
        str(clips_folder), out=str(tmp_path / "run"), backbone=TINY_BACKBONE, weights="none",
        split="paper", clip=ClipConfig(frames=4, size=64), training=TrainingConfig(epochs=1),
    )  # fmt: skip
    evaluation = transnet.evaluate(run)
    low, high = evaluation.top1_interval
    assert low <= evaluation.top1 <= high
    assert evaluation.num_groups == 4
    assert "95 % interval" in (run / "report.html").read_text()
    for said in (capsys.readouterr().err, (run / "report.html").read_text()):
        assert "from only 4 groups: with fewer than ten it says little" in said
    assert evaluation.protocol.siblings_in_train > 0.5
    assert "memory, not recognition" in evaluation.protocol.sentence


def test_a_broken_test_clip_is_wrong_or_stops(run, clips_folder, tmp_path):
    data = tmp_path / "data"
    for label in ("boxing", "walking"):
        folder = data / label
        folder.mkdir(parents=True)
        (folder / "broken.avi").write_bytes(b"no video")
    evaluation = transnet.evaluate(run, data=str(data))
    assert evaluation.top1 == 0
    assert evaluation.num_clips == 2
    assert len(evaluation.broken) == 2
    assert "could not be read and count as wrong" in (run / "report.html").read_text()
    with pytest.raises(TransNetError, match="2 of 2 clips cannot be used"):
        transnet.evaluate(run, data=str(data), broken="stop")


def test_unknown_classes_are_named(run, tmp_path):
    for label in ("boxing", "swimming"):
        path = tmp_path / "data" / label / "x.avi"
        path.parent.mkdir(parents=True)
        path.touch()
    with pytest.raises(TransNetError, match="show swimming, which the run does not know; it knows"):
        transnet.evaluate(run, data=str(tmp_path / "data"))


def test_clips_that_have_moved_are_named(run):
    table = (run / "clips.csv").read_text()
    (run / "clips.csv").write_text(re.sub(r"^/", "/gone/", table, flags=re.MULTILINE))
    with pytest.raises(TransNetError, match="not where they were .* data and split"):
        transnet.evaluate(run)
