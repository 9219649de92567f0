"""Each format as its tool documents it; the clips were written down by hand."""

import json
import re
import shutil
import zipfile
from pathlib import Path

import pytest

from transnet.data.datasets.catalog import ACCEPTED, open_dataset, resolve_dataset
from transnet.data.splits import make_split
from transnet.data.video.footage import read_footage
from transnet.errors import TransNetError

FILES = Path(__file__).parent / "files"
# All videos have 50 frames, 25 a second.
TWO = [("clip.mp4", "squat", 4, 12), ("clip.mp4", "lunge", 25, 30)]
JUMP = ("jump.mp4", "jump", None, None)


@pytest.fixture
def gym(tmp_path, make_video):
    """A folder with videos, and a function that copies an annotation file into it."""
    make_video("gym/clip.mp4", 50)
    for name in ("side", "jump"):
        shutil.copy(tmp_path / "gym/clip.mp4", tmp_path / f"gym/{name}.mp4")

    def place(name):
        return Path(shutil.copy(FILES / name, tmp_path))

    return place


def facts(manifest):
    return [(clip.path.name, clip.label, clip.start, clip.end) for clip in manifest.clips]


@pytest.mark.parametrize(
    ("name", "clips"),
    [
        (
            "cvat_video.xml",
            [("clip.mp4", "squat", 4, 12), ("clip.mp4", "squat", 20, 22),
             ("clip.mp4", "lunge", 25, 30), ("clip.mp4", "jump", 30, 40)],
        ),
        ("cvat_images.xml", [("clip.mp4", "squat", 3, 6), ("clip.mp4", "jump", 7, 9)]),
        ("labelstudio.json", [*TWO, JUMP]),
        ("labelstudio_min.json", [*TWO, JUMP]),
        (
            "elan.eaf",
            [("clip.mp4", "squat", 5, 15), ("clip.mp4", "lunge", 15, 20),
             ("side.mp4", "squat", 10, 20), ("side.mp4", "lunge", 20, 25)],
        ),
        ("via3.json", TWO),
        ("via3.csv", TWO),
        ("createml.json", [*TWO, JUMP]),
        ("createml.csv", [*TWO, JUMP]),
        (
            "activitynet.json",
            [*TWO, ("side.mp4", "squat", None, 10), ("side.mp4", "lunge", 10, 50)],
        ),
    ],
)  # fmt: skip
def test_a_file_of_each_format_is_read_to_the_frame(gym, name, clips):
    manifest = open_dataset(gym(name))
    assert facts(manifest) == clips
    for clip in manifest.clips:
        read_footage(clip.path, lambda times: times.argsort(), start=clip.start, end=clip.end)


@pytest.mark.parametrize("name", ["cvat_video.xml", "labelstudio.json", "elan.eaf", "via3.json"])
def test_the_content_tells_the_format(gym, name, tmp_path):
    renamed = gym(name).rename(tmp_path / "annotations.txt")
    assert open_dataset(renamed).clips


def test_segments_of_a_video_are_one_group(gym):
    for name in ("cvat_video.xml", "via3.json", "elan.eaf"):
        assert len({clip.group for clip in open_dataset(gym(name)).clips}) == 1


def test_missing_videos_are_named(gym):
    manifest = open_dataset(gym("activitynet.json"))
    assert any("1 of 3 videos of activitynet.json are missing: gone" in n for n in manifest.notes)
    assert any("1 videos have no annotations" in note for note in manifest.notes)


def test_no_video_at_all_is_an_error(tmp_path):
    shutil.copy(FILES / "createml.json", tmp_path)
    with pytest.raises(TransNetError, match=r"none of the 2 videos .* was found: clip\.mp4, jump"):
        open_dataset(tmp_path / "createml.json")


def test_subsets_of_activitynet_are_its_split(gym):
    split = make_split(open_dataset(gym("activitynet.json")))
    assert {clip.path.name for clip in split.test} == {"side.mp4"}
    assert {clip.path.name for clip in split.train} == {"clip.mp4"}


def test_the_gaps_between_segments_on_request(gym, tmp_path):
    path = gym("createml.json")
    manifest = open_dataset(f"gaps:{path}")
    gaps = [fact for fact in facts(manifest) if fact[1] == "_none"]
    # Segments of 8 and 5 frames: pieces of 6. Before 4, between 12 and 25, after 30.
    assert gaps == [
        ("clip.mp4", "_none", 0, 4), ("clip.mp4", "_none", 12, 18), ("clip.mp4", "_none", 18, 24),
        ("clip.mp4", "_none", 30, 36), ("clip.mp4", "_none", 36, 42),
        ("clip.mp4", "_none", 42, 48),
    ]  # fmt: skip
    assert "_none" not in open_dataset(path).classes
    assert resolve_dataset(f"gaps:{path}") == f"gaps:{path.resolve()}"
    (tmp_path / "a.csv").write_text("path,label,start,end\ngym/clip.mp4,run,0,10\n")
    assert len(open_dataset(f"gaps:{tmp_path / 'a.csv'}").clips) == 5


def test_something_something(tmp_path):
    for name in ("something-train.json", "something-validation.json"):
        shutil.copy(FILES / name, tmp_path)
    for number in range(1, 5):
        (tmp_path / f"{number}.webm").touch()
    manifest = open_dataset(tmp_path / "something-train.json")
    assert manifest.classes == ("Opening something", "Putting something on something")
    assert {clip.path.name for clip in make_split(manifest).test} == {"3.webm", "4.webm"}


def test_kinetics(gym, tmp_path):
    path = gym("kinetics.csv")
    (tmp_path / "squat").mkdir()
    (tmp_path / "squat/---QUuC4vJs_000010_000020.mp4").touch()
    assert facts(open_dataset(path)) == [
        ("---QUuC4vJs_000010_000020.mp4", "squat", None, None),
        ("side.mp4", "riding a bike", 25, 50),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<annotations><meta>", "is no valid XML"),
        ("<annotations><meta/></annotations>", "looks like a file of CVAT, but .* no task"),
        ("<html/>", "XML with the root <html>; accepted: annotations of CVAT"),
        ("[" * 100_000, "is no valid JSON"),
        ("{}", "JSON of no known form"),
        ('{"database": {"a": {"annotations": [{"segment": [1]}]}}}', "of ActivityNet, but"),
        ('[{"id": 1, "data": {}, "annotations": [{"result": 3}]}]', "of Label Studio, but"),
        ('[{"url": "a.mp4", "label": "x", "start": "soon"}]', "accepted: seconds"),
    ],
)
def test_damaged_annotations_are_one_line(tmp_path, text, message):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(TransNetError, match=message) as caught:
        open_dataset(tmp_path / "a.json")
    assert len(str(caught.value)) < 500


def test_two_videos_of_one_name(gym, tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old/jump.mp4").touch()
    path = gym("createml.json")
    with pytest.raises(TransNetError, match="both have that name"):
        open_dataset(path)
    # Label Studio names the folder.
    assert open_dataset(gym("labelstudio.json")).clips[-1].path.parent.name == "gym"


def test_pictures_are_no_videos(gym, tmp_path):
    text = (FILES / "cvat_images.xml").read_text()
    (tmp_path / "a.xml").write_text(re.sub("<source>.*</source>", "", text))
    with pytest.raises(TransNetError, match="annotates pictures"):
        open_dataset(tmp_path / "a.xml")


def test_seconds_regions_and_several_choices_of_label_studio(gym, tmp_path):
    results = [
        {"type": "labels", "value": {"start": 0.4, "end": 0.8, "labels": ["run"]}},
        {"type": "choices", "value": {"choices": ["a", "b"]}},
    ]
    task = {"data": {"clip": "gym/clip.mp4"}, "annotations": [{"result": results}]}
    (tmp_path / "a.json").write_text(json.dumps(task))
    assert [fact[1:] for fact in facts(open_dataset(tmp_path / "a.json"))] == [
        ("run", 10, 20),
        ("a|b", None, None),
    ]


def test_the_accepted_formats_are_told():
    assert "CVAT, Label Studio, ELAN" in ACCEPTED


def zipped(place, *members):
    path = place / "task_1.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members:
            archive.writestr(name, text)
    return path


def test_a_zip_file_of_cvat_is_read_as_it_was_downloaded(gym, tmp_path):
    text = (FILES / "cvat_video.xml").read_text()
    whole = facts(open_dataset(gym("cvat_video.xml")))
    path = zipped(tmp_path, ("annotations.xml", text), ("images/frame_000000.png", "x"))
    manifest = open_dataset(path)
    assert facts(manifest) == whole
    assert manifest.name == "task_1"
    (tmp_path / "cvat_video.xml").unlink()
    assert facts(open_dataset(tmp_path)) == whole  # the folder that it lies in


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([("readme.txt", "x")], "holds 0 files like .xml, .json, .eaf; accepted: one"),
        ([("a.xml", "<a/>"), ("b.json", "{}")], "holds 2 files like"),
        ([("annotations.xml", "<html></html>")], r"task_1.zip \(annotations.xml\) is XML with"),
    ],
)
def test_another_zip_file_is_named(gym, tmp_path, members, message):
    with pytest.raises(TransNetError, match=message):
        open_dataset(zipped(tmp_path, *members))


def test_a_damaged_zip_file_is_named(gym, tmp_path):
    path = zipped(tmp_path, ("annotations.xml", (FILES / "cvat_video.xml").read_text()))
    content = bytearray(path.read_bytes())
    content[60:80] = bytes(20)
    path.write_bytes(content)
    with pytest.raises(TransNetError, match="task_1.zip cannot be unpacked"):
        open_dataset(path)
