"""Several labels at once, the whole way: trained, evaluated, predicted, watched, exported."""

from __future__ import annotations

import csv
import io
import json
import shutil
import struct
import subprocess
import sys
import time
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open

import transnet
from tests.helpers import TINY_BACKBONE, attribute_frames, write_attributes
from transnet import ClipConfig, ModelConfig, StreamConfig, TrainingConfig, TransNetError
from transnet.archive.label_config import LabelConfig
from transnet.archive.labeler import Labeler
from transnet.checkpoints.model_card import model_card, read_scores
from transnet.checkpoints.weights_file import read_weights, write_weights
from transnet.cli import main
from transnet.data.annotations.formats import read_annotation_file
from transnet.data.video.reader import decode_frames
from transnet.data.video.writer import write_video
from transnet.deploy import runtime
from transnet.deploy.export import export
from transnet.inference.timeline_formats import format_timeline
from transnet.model.cues import CUES_OF

pytestmark = pytest.mark.slow

SHARP = {"views": 2, "batch_size": 8, "learning_rate": 5e-3, "dropout": 0.0, "label_smoothing": 0.0}
STREAM = StreamConfig(every_s="step", smooth_s=0, min_s=0)


def train(data: Path, out: Path, cache: Path, **settings) -> Path:
    training = TrainingConfig(**{**SHARP, "epochs": 1, **settings.pop("training", {})})
    return transnet.train(
        str(data),
        out=str(out),
        backbone=TINY_BACKBONE,
        weights="none",
        clip=ClipConfig(frames=4, size=64),
        training=training,
        cache=str(cache),
        **settings,
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_attributes(tmp_path_factory.mktemp("attributes") / "clips")


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("features")


@pytest.fixture(scope="module")
def run(data, cache, tmp_path_factory) -> Path:
    """A recognizer of what slides and what is striped."""
    out = tmp_path_factory.mktemp("several") / "run"
    return train(data, out, cache, training={"epochs": 20})


@pytest.fixture(scope="module")
def evaluation(run, cache):
    return transnet.evaluate(run, cache=str(cache))


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Path:
    """Stripes all the time; the square slides in the second half."""
    path = tmp_path_factory.mktemp("film") / "film.avi"
    still, sliding = (
        attribute_frames(np.random.default_rng(3), 40, sliding=moves, striped=True)
        for moves in (False, True)
    )
    write_video(path, [*still, *sliding], Fraction(20))
    return path


def test_two_independent_labels_are_learned(run, evaluation):
    found = evaluation.several
    assert evaluation.headline == found.mean_average_precision > 0.85
    assert set(found.average_precision) == set(found.thresholds) == {"sliding", "striped"}
    assert found.interval[0] <= found.mean_average_precision <= found.interval[1]
    assert evaluation.macro_f1 > 0.8 and found.micro_f1 > 0.8 and evaluation.top1 > 0.6
    assert evaluation.protocol.siblings_in_train == 0
    assert set(evaluation.evidence.cues) == set(CUES_OF["both"])
    info = transnet.load(run).info
    assert info.several_labels and not info.learned_none
    assert info.outputs == info.classes == ("sliding", "striped")
    assert not (run / "novelty.safetensors").exists()


def test_the_evaluation_is_written(run, evaluation):
    written = json.loads((run / "metrics.json").read_text())
    assert written["several"]["thresholds"] == evaluation.several.thresholds
    assert written["confusion"] == [] and written["top1"] == evaluation.top1
    page = (run / "report.html").read_text()
    assert "mean\n      average precision" in page and "average precision</th>" in page
    assert "exact match" in page and "Confusion matrix" not in page
    low, high = evaluation.several.interval
    assert f"mAP: 95 % interval {low:.1%} to {high:.1%}, from only" in page
    assert not (run / "confusion.csv").exists()
    with open(run / "predictions.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["label"] for row in rows} == {"_none", "sliding", "sliding|striped", "striped"}
    least = evaluation.several.thresholds
    for row in rows:
        shown = [name for name in least if float(row[f"score:{name}"]) >= least[name]]
        assert row["answer"] == ("|".join(shown) or "unknown")
    right = [row["answer"] == row["label"].replace("_none", "unknown") for row in rows]
    assert sum(right) / len(right) == pytest.approx(evaluation.top1)


def test_the_summary_names_the_measures(run, evaluation, cache, capsys):
    assert main(["evaluate", str(run), "--cache", str(cache)]) == 0
    said = capsys.readouterr().err
    assert f"mAP {evaluation.headline:.1%} (95 % interval" in said
    assert "micro-F1" in said and "all labels right" in said and "top-1" not in said


def test_thresholds_are_kept_with_the_weights(run, evaluation, tmp_path):
    with safe_open(run / "model.safetensors", framework="pt") as file:
        kept = json.loads(file.metadata()["thresholds"])
    assert kept == list(transnet.load(run).thresholds) == [*evaluation.several.thresholds.values()]
    assert kept != [0.5, 0.5]
    shutil.copytree(run, tmp_path / "odd")
    state, metadata = read_weights(run / "model.safetensors")
    for odd in ("[0.5]", "[0.5, 7]", None):
        texts = {**metadata, "thresholds": odd} if odd else dict(metadata)
        if odd is None:
            del texts["thresholds"]
        write_weights(tmp_path / "odd/model.safetensors", state, texts)
        with pytest.raises(TransNetError, match=r"does not hold the weights .*thresholds"):
            transnet.load(tmp_path / "odd")


def test_predictions_have_the_labels_that_reach_their_thresholds(run, data, capsys):
    recognizer = transnet.load(run)
    videos = [str(path) for path in sorted(data.parent.glob("person0-*-0.avi"))]
    found = [recognizer.predict(path) for path in videos]
    for one in found:
        expected = [c for c, p in one.scores.items() if p >= one.thresholds[c]]
        assert list(one.labels) == expected and one.known == bool(expected)
        assert one.label == ("|".join(sorted(expected)) or "unknown")
        assert len(one.top_k(5)) == 2 and one.score == max(one.scores.values())
    assert {len(one.labels) for one in found} == {0, 1, 2}
    assert main(["predict", str(run), *videos, "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["labels"] for line in lines] == [list(one.labels) for one in found]
    assert [line["label"] for line in lines] == [one.label for one in found]
    assert "sliding" in str(found[-1]) and "striped" in str(found[-1])
    assert "unknown (" in str(next(one for one in found if not one.labels))
    with pytest.raises(TransNetError, match="several labels at once"):
        transnet.load(run, unknown="on")


def test_a_copy_answers_the_same(run, data, tmp_path):
    video = next(data.parent.glob("*.avi"))
    copy = transnet.load(run).save(tmp_path / "copy")
    assert transnet.load(copy).predict(video) == transnet.load(run).predict(video)


def test_a_stream_gives_what_a_clip_gives(run, data):
    recognizer = transnet.load(run)
    video = next(data.parent.glob("person0-11-0.avi"))
    windows = list(recognizer.stream(video, STREAM))
    clip = recognizer.predict(video)
    assert windows[-1].thresholds == clip.thresholds
    assert windows[0].scores == pytest.approx(clip.scores, abs=0.3)


def test_each_class_has_its_own_segments(run, film, tmp_path):
    timeline = transnet.find_segments(transnet.load(run), film, STREAM)
    of_class = {one.label: one for one in timeline.segments}
    assert set(of_class) == {"sliding", "striped"} and all(timeline.thumbnails)
    assert of_class["striped"].start_s < 0.3 and of_class["striped"].end_s > 3.7
    assert of_class["sliding"].start_s == pytest.approx(2, abs=0.6)
    assert timeline.overlaps and (timeline.start_s, timeline.end_s) == (0, pytest.approx(3.95))
    for form, ending in (("eaf", ".eaf"), ("labelstudio", ".json"), ("cvat", ".xml")):
        path = tmp_path / f"film{ending}"
        path.write_text(format_timeline(timeline, form), encoding="utf-8")
        shutil.copy(film, tmp_path)
        read = read_annotation_file(path).annotations
        assert sorted(one.label for one in read) == sorted(one.label for one in timeline.segments)
    page = format_timeline(timeline, "html")
    assert all(f'<div class="lane small">{label}</div>' in page for label in of_class)
    assert format_timeline(timeline, "vtt").count("-->") == len(timeline.segments)


def test_an_archive_has_the_segments_in_order_of_their_start(run, film):
    (row,) = Labeler(str(run), LabelConfig(segments_from_s=0.1)).label([str(film)])
    timeline = transnet.find_segments(transnet.load(run), film)
    assert [(one["label"], one["start_s"]) for one in row["segments"]] == [
        (segment.label, segment.start_s) for segment in timeline.segments
    ]


def test_live_tells_each_class(run, film, capsys):
    options = ["--no-window", "--smooth-s", "0", "--min-s", "0"]
    assert main(["live", str(run), str(film), *options]) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert any("sliding" in line for line in lines) and any("striped" in line for line in lines)
    assert main(["live", str(run), str(film), "--json", *options]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    windows = [line for line in lines if line["kind"] == "window"]
    assert any(line["event"] == "sliding|striped" for line in windows)
    assert all("labels" in line for line in windows)


def test_timelines_are_measured_by_class(run, film, tmp_path):
    rows = ["path,label,group,start,end,split", f"{film},striped,a,0,40,test"]
    rows += [f"{film},sliding|striped,a,40,80,test", f"{film},striped,b,0,40,train"]
    rows += [f"{film},sliding,b,40,60,train"]
    (tmp_path / "film.csv").write_text("\n".join(rows) + "\n")
    options = ["--data", str(tmp_path / "film.csv"), "--split", "column", "--timeline"]
    copy = shutil.copytree(run, tmp_path / "run")
    assert main(["evaluate", str(copy), *options]) == 0
    quality = json.loads((copy / "timelines.json").read_text())
    assert quality["num_segments"] == 2  # striped goes on, whatever is beside it
    assert quality["map_at_iou"]["0.3"] > 0.4


def test_an_export_gives_the_same_labels(run, data, tmp_path):
    exported = export(run, out=str(tmp_path / "onnx"))
    recognizer, own = runtime.load(exported), transnet.load(run)
    assert recognizer.info.class_thresholds == own.thresholds
    videos = sorted(data.parent.glob("person0-*-0.avi"))
    for video in videos:
        expected, found = own.predict(video), recognizer.predict(video)
        assert found.scores == pytest.approx(expected.scores, abs=1e-4)
        assert found.labels == expected.labels and found.thresholds == expected.thresholds
    code = "import sys; sys.modules['torch'] = None; from transnet.deploy.runtime import main; "
    code += f"main([{str(exported)!r}, {str(videos[-1])!r}, '--json'])"
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert json.loads(told.stdout)["labels"] == list(own.predict(videos[-1]).labels)


@pytest.mark.skipif(find_spec("openvino") is None, reason="openvino is not here")
def test_openvino_gives_the_same_labels(run, data, tmp_path):
    recognizer = runtime.load(export(run, out=str(tmp_path / "xml"), format="openvino"))
    video = next(data.parent.glob("person0-11-0.avi"))
    expected = transnet.load(run).predict(video)
    assert recognizer.predict(video).labels == expected.labels


@pytest.mark.parametrize(
    ("training", "model"),
    [
        ({"balance": True, "mixup": 0.2, "drop_frames": 0.2, "keep": "best"}, ModelConfig()),
        ({"shots": 2}, ModelConfig(cues="appearance")),
        ({"freeze": False}, ModelConfig(cues="appearance")),
    ],
)
def test_other_ways_to_train(data, cache, tmp_path, training, model):
    out = train(data, tmp_path / "run", cache, training=training, model=model)
    recognizer = transnet.load(out)
    assert len(recognizer.thresholds) == 2
    if "shots" in training:
        assert recognizer.thresholds == (0.5, 0.5)  # no validation clips
    found = recognizer.predict(next(data.parent.glob("*.avi")))
    assert min(found.scores.values()) >= 0 and found.none_score == 0


def test_a_finished_training_is_found_again(run, data, cache, capsys):
    before = (run / "model.safetensors").read_bytes()
    train(data, run, cache, training={"epochs": 20}, resume=True)
    assert (run / "model.safetensors").read_bytes() == before
    assert "nothing to do" in capsys.readouterr().err


def test_a_video_network_learns_several_labels(data, cache, tmp_path):
    out = transnet.train(
        str(data), out=str(tmp_path / "run"), backbone="r3d_18", weights="none",
        clip=ClipConfig(frames=4, size=64), cache=str(cache),
        training=TrainingConfig(epochs=1, views=1, freeze=True),
    )  # fmt: skip
    assert len(transnet.load(out).predict(next(data.parent.glob("*.avi"))).scores) == 2


def test_unknown_videos_are_not_measured(run, data):
    with pytest.raises(
        TransNetError, match=r"cannot recognize unknown videos; leave unknown out\."
    ):
        transnet.evaluate(run, unknown=str(data.parent))


def test_other_commands(run, data, evaluation, tmp_path):
    assert main(["suggest", str(run), str(data.parent), "--out", str(tmp_path / "s")]) == 0
    with open(tmp_path / "s/suggestions.csv", newline="") as file:
        assert {row["guess"] for row in csv.DictReader(file)} <= {"sliding", "striped"}
    video = next(data.parent.glob("person0-11-0.avi"))
    assert main(["explain", str(run), str(video), "--out", str(tmp_path / "e.png")]) == 0
    (row,) = Labeler(str(run)).label([str(video)])
    assert row["label"] == transnet.load(run).predict(video).label
    card = model_card(transnet.load(run).info, "anna/moves", "mit", read_scores(run))
    assert f"mAP {evaluation.headline:.1%} (95 % interval" in card


def test_runs_and_clips_of_the_other_kind_are_told_apart(run, data, trained_run, tmp_path):
    with pytest.raises(TransNetError, match=r"several labels at once \(.*\), but the run answers"):
        transnet.evaluate(trained_run, data=str(data))
    single = tmp_path / "single.csv"
    video = next(data.parent.glob("person0-10-0.avi"))
    single.write_text(f"path,label\n{video},sliding\n")
    copy = shutil.copytree(run, tmp_path / "run")
    found = transnet.evaluate(copy, data=str(single), allow_trained_clips=True)
    assert found.num_clips == 1 and found.several is not None


def test_a_run_of_before_is_read_as_one_label(trained_run, clips_folder, tmp_path):
    shutil.copytree(trained_run, tmp_path / "old")
    record = json.loads((tmp_path / "old/transnet.json").read_text())
    assert record.pop("several_labels") is False
    (tmp_path / "old/transnet.json").write_text(json.dumps(record))
    video = next(clips_folder.rglob("*.avi"))
    old, new = (transnet.load(folder) for folder in (tmp_path / "old", trained_run))
    assert old.predict(video) == new.predict(video)
    assert old.thresholds == () and "labels" not in old.predict(video).to_dict()
    assert sum(old.predict(video).scores.values()) == pytest.approx(1)
    assert "several" not in transnet.evaluate(tmp_path / "old").to_dict()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_the_server_counts_each_label(run, data):
    pytest.importorskip("fastapi")
    from tests.app.test_serving import client_of

    video = data.parent / "person0-11-0.avi"
    labels = transnet.load(run).predict(video).labels
    assert len(labels) == 2
    for client in client_of(run):
        client.post("/predict", files={"file": video.read_bytes()})
        counted = client.get("/metrics").text
        for label in labels:
            assert f'transnet_predictions_total{{label="{label}"}} 1' in counted
        assert "|" not in counted


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_the_server_answers_what_reaches_its_threshold(run, film):
    pytest.importorskip("fastapi")
    from tests.app.test_serving import client_of

    recognizer = transnet.load(run)
    for client in client_of(run, stream=STREAM):
        answer = client.post("/predict?detail=1", files={"file": film.read_bytes()}).json()
        short = client.post("/predict", files={"file": film.read_bytes()}).json()
        assert answer["labels"] == [each["label"] for each in short]
        assert all(0 <= score <= 1 for score in answer["scores"].values())
        job = client.post("/timeline", files={"file": film.read_bytes()}).json()
        while job["status"] in ("waiting", "running"):
            time.sleep(0.05)
            job = client.get(f"/jobs/{job['id']}").json()
        found = {one["label"] for one in job["result"]["segments"]}
        assert found == {"sliding", "striped"}
        told = []
        with client.websocket_connect("ws://127.0.0.1/stream") as socket:
            for number, (pixels, _) in enumerate(decode_frames(film)):
                if number % 2 == 0:
                    socket.send_bytes(struct.pack("<d", number / 20) + jpeg_of(pixels))
                    while (line := socket.receive_json())["kind"] == "segment":
                        told.append(line["label"])
        assert set(told) <= set(recognizer.classes)
        assert line["kind"] == "window" and line["event"] == "sliding|striped"


def jpeg_of(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=95)
    return file.getvalue()
