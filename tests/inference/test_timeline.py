import csv
import io
import itertools
import json
import tracemalloc
from xml.etree import ElementTree

import pytest

import transnet
from transnet import StreamConfig, VideoError
from transnet.cli import main
from transnet.inference.prediction import Segment
from transnet.inference.timeline import Timeline
from transnet.inference.timeline_files import TimelineTarget
from transnet.inference.timeline_formats import format_timeline

SHOWN = Timeline(
    "films/a & b.mp4",
    (
        Segment("unknown", 0, 1.5, 0.3),
        Segment("walk <fast>", 1.5, 61.25, 0.9),
        Segment("wave", 61.25, 3700, 0.8),
    ),
    ("", "data:image/jpeg;base64,eA==", "data:image/jpeg;base64,eQ=="),
)


@pytest.fixture
def film(make_video):
    return make_video("film.mp4", 60, fps=20)


def test_segments_are_those_of_the_stream(trained_run, film):
    recognizer = transnet.load(trained_run)
    for every_s, windows in ((None, 12), (0.0, 48), (0.1, 24)):
        config = StreamConfig(every_s=every_s, smooth_s=0, min_s=0, enter=0.1, leave=0)
        answers = list(recognizer.stream(film, StreamConfig(every_s=every_s or 0)))
        found = transnet.find_segments(recognizer, film, config)
        assert found.segments[0].start_s == answers[0].start_s
        assert found.end_s == pytest.approx(answers[-1].end_s, abs=every_s or 0.2)
        # With such thresholds whatever is best is an event: cut the stream's answers by hand.
        labels = [answer.label for answer in answers]
        if every_s is not None:
            assert len(answers) == windows
            shown = [segment.label for segment in found.segments]
            assert shown == [label for label, _ in itertools.groupby(labels)]


def test_each_frame_is_encoded_at_most_once(trained_run, film, monkeypatch):
    recognizer = transnet.load(trained_run)
    passes = []
    recognizer.model.spatial.backbone.register_forward_hook(
        lambda module, given, result: passes.append(len(given[0]))
    )
    transnet.find_segments(recognizer, film, StreamConfig(every_s=0))
    assert passes == [1] * 60
    passes.clear()
    transnet.find_segments(recognizer, film)
    assert passes == [1] * 15  # one in 0.2 s, the step of the training clips


def test_a_thumbnail_for_every_known_segment(trained_run, film):
    config = StreamConfig(enter=0.1, leave=0, min_s=0)
    found = transnet.find_segments(transnet.load(trained_run), film, config)
    assert all(picture.startswith("data:image/jpeg;base64,") for picture in found.thumbnails)
    assert len(found.thumbnails) == len(found.segments)


def test_a_video_shorter_than_a_window_is_named(trained_run, film):
    message = r"film\.mp4: lasts 3\.0 s, less than a window of 9\.0 s"
    with pytest.raises(VideoError, match=message):
        transnet.find_segments(transnet.load(trained_run), film, StreamConfig(step_s=3))


def test_text_and_json():
    assert format_timeline(SHOWN, "text") == (
        "films/a & b.mp4\n"
        "  00:00:01.500 - 00:01:01.250  walk <fast> 90.0%\n"
        "  00:01:01.250 - 01:01:40.000  wave 80.0%\n"
    )
    values = json.loads(format_timeline(SHOWN, "json"))
    assert values["path"] == SHOWN.path
    assert [Segment(**segment) for segment in values["segments"]] == list(SHOWN.segments)


def test_csv():
    rows = list(csv.DictReader(io.StringIO(format_timeline(SHOWN, "csv"))))
    assert [row["label"] for row in rows] == ["unknown", "walk <fast>", "wave"]
    assert rows[1] == {
        "path": SHOWN.path, "label": "walk <fast>", "start_s": "1.500", "end_s": "61.250",
        "score": "0.9000",
    }  # fmt: skip


def test_subtitles():
    assert format_timeline(SHOWN, "vtt") == (
        "WEBVTT\n\n"
        "00:00:01.500 --> 00:01:01.250\nwalk &lt;fast&gt; 90%\n\n"
        "00:01:01.250 --> 01:01:40.000\nwave 80%\n"
    )


def test_elan_annotations():
    document = ElementTree.fromstring(format_timeline(SHOWN, "eaf").encode())
    times = {
        slot.get("TIME_SLOT_ID"): int(slot.get("TIME_VALUE"))
        for slot in document.findall("TIME_ORDER/TIME_SLOT")
    }
    found = [
        (
            item.findtext("ANNOTATION_VALUE"),
            times[item.get("TIME_SLOT_REF1")],
            times[item.get("TIME_SLOT_REF2")],
        )
        for item in document.findall("TIER/ANNOTATION/ALIGNABLE_ANNOTATION")
    ]
    assert found == [("walk <fast>", 1500, 61250), ("wave", 61250, 3_700_000)]
    media = document.find("HEADER/MEDIA_DESCRIPTOR")
    assert media.get("MEDIA_URL").endswith("films/a%20%26%20b.mp4")
    assert media.get("MIME_TYPE") == "video/mp4"
    tier = document.find("TIER").get("LINGUISTIC_TYPE_REF")
    assert document.find("LINGUISTIC_TYPE").get("LINGUISTIC_TYPE_ID") == tier


def test_the_page_shows_segments_on_an_axis():
    page = format_timeline(SHOWN, "html")
    assert "films/a &amp; b" in page and "walk &lt;fast&gt;" in page and "<fast>" not in page
    assert "left: 0.041%; width: 1.615%" in page
    assert page.count("data:image/jpeg") == 2
    assert "unknown" in page and "00:50:00" in page


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("x.json", '{"path"'), ("x.csv", "path,label"), ("x.vtt", "WEBVTT"), ("x.eaf", "<?xml"),
        ("x.html", "<!doctype html>"), ("deep/er/x.txt", "FILM\n"),
    ],
)  # fmt: skip
def test_the_name_of_the_file_says_the_format(trained_run, film, tmp_path, name, begins, capsys):
    out = tmp_path / name
    assert main(["predict", str(trained_run), str(film), "--timeline", "--out", str(out)]) == 0
    assert out.read_text().startswith(begins.replace("FILM", str(film)))
    shown = capsys.readouterr()
    assert (shown.out, f"saved to {out}" in shown.err) == ("", True)


def test_several_videos_and_a_broken_one(trained_run, film, make_video, tmp_path, capsys):
    other = make_video("deep/film.mp4", 60, fps=20)
    empty = tmp_path / "empty.mp4"
    empty.touch()
    videos = [str(film), str(empty), str(other)]
    assert main(["predict", str(trained_run), *videos, "--timeline", "--json"]) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    good, bad = ["path", "segments"], ["error", "path"]
    assert [sorted(line) for line in lines] == [good, bad, good]
    words = ["predict", str(trained_run), str(film), str(other), "--timeline", "--out"]
    assert main([*words, str(tmp_path / "all"), "--format", "vtt"]) == 0
    written = sorted((tmp_path / "all").rglob("*.vtt"))
    assert written == [tmp_path / "all" / name for name in ("deep/film.mp4.vtt", "film.mp4.vtt")]
    assert main([*words, str(tmp_path / "x.vtt")]) == 1
    assert "add --format: text, json, csv, vtt, eaf, html" in capsys.readouterr().err


def test_a_damaged_video_gives_what_is_good_and_is_named(trained_run, make_video, capsys):
    path = make_video("x.avi", 200, codec="mpeg4", fps=20)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    words = ["predict", str(trained_run), str(path), "--timeline"]
    assert main(words) == 1
    shown = capsys.readouterr()
    assert f"warning: {path}: is " in shown.err and str(path) in shown.out
    assert main([*words, "--allow-partial"]) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--out", "x.html"], "--format and --out are for timelines; add --timeline"),
        (["--timeline", "--out", "x.doc"], "--out is 'x.doc'; accepted: a name that ends in .json"),
        (
            ["--timeline", "--out", "/dev/null/x/y.csv"],
            "--out is '/dev/null/x', which cannot",
        ),
    ],
)
def test_mistakes_are_explained(trained_run, film, words, message, capsys):
    assert main(["predict", str(trained_run), str(film), *words]) == 1
    assert message in capsys.readouterr().err


def test_memory_does_not_depend_on_the_length(trained_run, make_video):
    recognizer = transnet.load(trained_run)
    config = StreamConfig(every_s=0, enter=0.1, leave=0)

    def peak(seconds):
        path = make_video(f"{seconds}.avi", 10 * seconds, fps=10, codec="mpeg4")
        tracemalloc.start()
        transnet.find_segments(recognizer, path, config)
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(3)  # what is made once
    # 350 more frames, kept as the network sees them (12,288 bytes each), would be 4.3 MB. Python
    # keeps some freed tuples until it collects garbage: a few 100 kB that come and go.
    assert peak(40) < peak(5) + 1_000_000


@pytest.mark.parametrize(
    ("form", "name", "written"),
    [
        ("html", "anna", "anna.html"),
        ("html", "session.3", "session.3.html"),
        ("json", "clip.mov", "clip.mov.json"),
        ("text", "anna", "anna.txt"),
        ("cvat", "anna", "anna.cvat.xml"),
        ("html", "anna.htm", "anna.htm"),
        (None, "anna.csv", "anna.csv"),
    ],
)
def test_a_timeline_has_an_ending_and_never_that_of_a_video(tmp_path, form, name, written):
    target = TimelineTarget.choose(["clip.mov"], form, str(tmp_path / name))
    assert target.file == tmp_path / written
