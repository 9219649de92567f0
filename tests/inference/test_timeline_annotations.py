import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from transnet.data.datasets.catalog import open_dataset
from transnet.data.video.reader import VIDEO_SUFFIXES
from transnet.inference.prediction import Segment
from transnet.inference.timeline import Timeline
from transnet.inference.timeline_annotations import MIME_TYPES
from transnet.inference.timeline_files import TimelineTarget
from transnet.inference.timeline_formats import SUFFIXES, format_timeline


def timeline(video):
    """Segments of the frames 3 to 9, 9 to 21 and 34 to the end, as a stream finds them."""
    segments = (
        Segment("walk & <run>", 0.12, 0.36, 0.9),
        Segment("wave", 0.36, 0.84, 0.8),
        Segment("unknown", 0.84, 1.36, 0.2),
        Segment("gehen_für", 1.36, 1.96, 0.7),
    )
    return Timeline(str(video), segments, ("",) * 4)


@pytest.mark.parametrize("form", ["labelstudio", "cvat", "eaf"])
@pytest.mark.parametrize("name", ["film ü & 1.mp4", "film.mkv"])
def test_out_and_in_again_gives_the_same_segments(make_video, tmp_path, form, name):
    video = make_video(name, 50)
    written = tmp_path / f"out.{SUFFIXES.get(form, form)}"
    TimelineTarget.choose([str(video)], form, str(written)).put(timeline(video))
    clips = open_dataset(written).clips
    assert [(clip.path.name, clip.label, clip.start, clip.end) for clip in clips] == [
        (name, "walk & <run>", 3, 9),
        (name, "wave", 9, 21),
        (name, "gehen_für", 34, 49),
    ]


def test_a_segment_to_the_end_of_the_video(make_video, tmp_path):
    video = make_video("film.mp4", 50)
    shown = Timeline(str(video), (Segment("wave", 1.0, 9.0, 0.8),), ("",))
    for form in ("labelstudio", "cvat", "eaf"):
        written = tmp_path / f"{form}.out"
        written.write_text(format_timeline(shown, form), encoding="utf-8")
        (clip,) = open_dataset(written).clips
        assert clip.start == 25
        assert clip.end == 50 or form == "eaf"  # which states seconds beyond the end


def test_control_characters_are_escaped(make_video, tmp_path):
    video = make_video("film.mp4", 50)
    shown = Timeline(str(video), (Segment("wave\x1b[31m\x00", 0.2, 1.0, 0.8),), ("",))
    for form in ("cvat", "eaf"):
        document = ElementTree.fromstring(format_timeline(shown, form).encode())
        texts = [node.text for node in document.iter() if node.text and "wave" in node.text]
        assert texts == [r"wave\x1b[31m\x00"]
    assert "\x1b" not in format_timeline(shown, "text")
    assert "\x1b" not in format_timeline(shown, "vtt")
    assert json.loads(format_timeline(shown, "labelstudio"))


def test_every_kind_of_video_has_a_mime_type():
    assert {suffix for suffix in VIDEO_SUFFIXES if suffix not in MIME_TYPES} == set()
    shown = Timeline("a.ts", (Segment("wave", 0.2, 1.0, 0.8),), ("",))
    assert 'MIME_TYPE="video/mp2t"' in format_timeline(shown, "eaf")


def test_files_of_several_videos(make_video, tmp_path):
    videos = [make_video(f"in/{name}.mp4", 50) for name in "ab"]
    target = TimelineTarget.choose([str(video) for video in videos], "cvat", str(tmp_path / "out"))
    for video in videos:
        target.put(timeline(video))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "a.mp4.cvat.xml",
        "b.mp4.cvat.xml",
    ]
    assert TimelineTarget.choose(["a.mp4"], None, str(tmp_path / "x.xml")).form == "cvat"
    assert Path(target.folder).is_dir()
