"""``--people`` of predict and live."""

import csv
import io
import json

import numpy as np
import pytest
import torch
from torchvision.models import get_model

import transnet
from transnet import StreamConfig
from transnet.cli import main
from transnet.commands.people_loop import drawn
from transnet.commands.preview_window import has_screen
from transnet.data.people.boxes import Box
from transnet.data.video.reader import decode_frames
from transnet.inference.people import PersonPrediction
from transnet.inference.prediction import Prediction

STEP = ["--step-s", "0.1"]


@pytest.fixture(autouse=True)
def no_cached_weights(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


@pytest.fixture
def clip(clips_folder):
    return next((clips_folder / "boxing").rglob("*.avi"))


@pytest.fixture
def people(pretrained):
    return ["--people", "--segmenter", str(pretrained)]


def test_each_person_of_a_video_has_a_label(trained_run, pretrained, clip, people, capsys):
    assert main(["predict", str(trained_run), str(clip), *people, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    finder = transnet.find_people(segmenter=str(pretrained))
    expected = transnet.predict_people(transnet.load(trained_run), clip, finder).people
    assert expected
    assert answer["path"] == str(clip)
    assert answer["trained_on"] in (True, False)
    for person, found in zip(answer["people"], expected, strict=True):
        assert (person["track"], person["label"]) == (found.track, found.prediction.label)
        assert person["box"] == [round(edge, 1) for edge in found.box]
    assert main(["predict", str(trained_run), str(clip), *people]) == 0
    first, *lines = capsys.readouterr().out.splitlines()
    assert first.startswith(str(clip))
    assert len(lines) == len(expected)
    assert lines[0].startswith("  person 1: ")


def test_people_outside_the_region_are_nobody(trained_run, clip, people, capsys):
    words = ["predict", str(trained_run), str(clip), *people, "--json", "--region", "0,0,0.5,1"]
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)["people"]
    assert all(person["box"][2] <= 161 for person in found)  # of 320 pixels


def test_a_detector_that_is_not_sure_finds_nobody(trained_run, clip, tmp_path, capsys):
    torch.manual_seed(0)
    network = get_model("ssdlite320_mobilenet_v3_large", weights=None, weights_backbone=None)
    torch.save(network.state_dict(), tmp_path / "random.pth")
    words = ["predict", str(trained_run), str(clip), "--people"]
    assert main([*words, "--detector", str(tmp_path / "random.pth")]) == 0
    assert "nobody was found" in capsys.readouterr().out
    assert main([*words, "--detector", str(tmp_path / "random.pth"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["people"] == []


def test_damage_is_reported_even_if_nobody_is_found(trained_run, clip, tmp_path, capsys):
    network = get_model("ssdlite320_mobilenet_v3_large", weights=None, weights_backbone=None)
    torch.save(network.state_dict(), tmp_path / "random.pth")
    content = clip.read_bytes()
    (tmp_path / "cut.avi").write_bytes(content[: len(content) * 2 // 3])
    words = ["predict", str(trained_run), str(tmp_path / "cut.avi"), "--people", "--json"]
    detector = ["--detector", str(tmp_path / "random.pth")]
    assert main([*words, *detector]) == 1
    assert "error" in json.loads(capsys.readouterr().out)
    assert main([*words, *detector, "--allow-partial"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["people"] == []
    assert found["damage"]


def test_what_finds_people_is_asked_for(trained_run, clip, pretrained, capsys):
    for command in ("predict", "live"):
        assert main([command, str(trained_run), str(clip), "--people"]) == 1
        assert "give --segmenter (a run folder" in capsys.readouterr().err
        words = [command, str(trained_run), str(clip), "--segmenter", str(pretrained)]
        assert main(words) == 1
        assert "find people; add --people" in capsys.readouterr().err


def test_a_timeline_for_each_person(trained_run, pretrained, clip, people, tmp_path, capsys):
    words = ["predict", str(trained_run), str(clip), *people, "--timeline", *STEP]
    assert main([*words, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    timeline = transnet.find_people_segments(
        transnet.load(trained_run),
        clip,
        transnet.find_people(segmenter=str(pretrained)),
        StreamConfig(step_s=0.1),
    )
    assert answer["people"] == [person.to_dict() for person in timeline.people]
    assert answer["people"][0]["segments"]
    for person in answer["people"]:
        for segment in person["segments"]:
            assert person["start_s"] - 1e-6 <= segment["start_s"] <= segment["end_s"]
            left, top, right, bottom = segment["box"]
            assert left < right
            assert top < bottom
    assert main([*words, "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == sum(len(person["segments"]) for person in answer["people"])
    assert {row["track"] for row in rows} <= {str(p["track"]) for p in answer["people"]}
    assert main(words) == 0
    assert f"  person {answer['people'][0]['track']}, 0." in capsys.readouterr().out
    page = tmp_path / "people.html"
    assert main([*words, "--out", str(page)]) == 0
    assert page.read_text(encoding="utf-8").count('class="axis"') == len(answer["people"])


@pytest.mark.parametrize("form", ["vtt", "eaf", "cvat", "labelstudio"])
def test_formats_of_one_action_at_a_time_are_refused(trained_run, clip, people, form, capsys):
    words = ["predict", str(trained_run), str(clip), *people, "--timeline", "--format", form]
    assert main(words) == 1
    assert f"--format is '{form}'; accepted for people: text, json, csv, html" in (
        capsys.readouterr().err
    )


def test_live_gives_each_person_a_line_and_a_box(trained_run, clip, people, tmp_path, capsys):
    out = tmp_path / "out.mp4"
    words = ["live", str(trained_run), str(clip), *people, *STEP, "--out", str(out)]
    assert main([*words, "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    *found, summary = lines
    assert summary["kind"] == "summary"
    assert summary["people"] == len({person["track"] for person in found}) > 0
    assert sum("label" in person for person in found) == summary["windows"] > 0
    for person in found:
        left, top, right, bottom = person["box"]
        assert left < right
        assert top < bottom
    before, after = list(decode_frames(clip)), list(decode_frames(out))
    assert len(after) == len(before)
    assert np.abs(after[-1][0].astype(int) - before[-1][0]).max() > 60
    assert main([*words, "--no-window", "--enter", "0.1", "--leave", "0", "--min-s", "0"]) == 0
    shown = capsys.readouterr()
    assert " s  1: " in shown.out
    assert "1 people" in shown.err or " people, " in shown.err


def test_live_tells_events_and_not_each_window(trained_run, clip, people, capsys):
    words = ["live", str(trained_run), str(clip), *people, *STEP]

    def labels(*options):
        assert main([*words, "--json", *options]) == 0
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return [(line["event"], line["label"]) for line in lines if "label" in line]

    def text(*options):
        assert main([*words, "--no-window", *options]) == 0
        return capsys.readouterr().out

    at_once = ("--enter", "0.1", "--leave", "0", "--min-s", "0", "--smooth-s", "0")
    assert labels(*at_once)
    assert all(event == label for event, label in labels(*at_once))
    assert text(*at_once)
    for never in (("--enter", "1"), (*at_once[:-4], "--min-s", "60")):
        assert {event for event, _ in labels(*never)} == {"unknown"}
        assert not text(*never)


def test_box_track_and_label_are_drawn_where_the_person_is():
    picture = np.zeros((120, 200, 3), np.uint8)
    found = Prediction("film", {"wave": 0.9, "walk": 0.1}, 0.0, 1.0)
    person = PersonPrediction(7, Box(100, 60, 140, 110), found)
    assert str(person) == "7: wave 90%"
    for scale in (1, 2):
        pixels = drawn(picture.repeat(scale, axis=0).repeat(scale, axis=1), [person], scale)
        rows, columns = np.nonzero(pixels.max(axis=2))
        assert (columns.min(), rows.max()) == (100 * scale, 110 * scale)
        assert rows.min() > 30 * scale  # the title stands above the box


def test_the_text_of_a_person_has_the_score_of_each_label():
    scores, box = {"wave": 0.93, "walk": 0.4}, Box(0, 0, 1, 1)
    strange = Prediction("film", scores, 0.0, 1.0, known=False)
    assert str(PersonPrediction(1, box, strange)) == "1: unknown"
    both = Prediction("film", scores, 0.0, 1.0, thresholds={"wave": 0.5, "walk": 0.3})
    assert str(PersonPrediction(2, box, both)) == "2: wave 93%, walk 40%"
    assert str(PersonPrediction(3, box, None)) == "3"


def test_a_window_shows_the_people_where_there_is_a_screen(trained_run, clip, people, capsys):
    if not has_screen():
        pytest.skip("there is no screen here (Xvfb is enough)")
    assert main(["live", str(trained_run), str(clip), *people, *STEP]) == 0
    assert "windows" in capsys.readouterr().err
