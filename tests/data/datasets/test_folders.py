import json
import os
import shutil
import subprocess

import pytest
from PIL import Image

from tests.helpers import frame_number, numbered_frame
from transnet.data.datasets.catalog import open_dataset
from transnet.data.datasets.folder import videos_below
from transnet.data.splits import make_split
from transnet.data.video.reader import VideoFile
from transnet.errors import TransNetError


def touch(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def decoded(path):
    with VideoFile(path) as video:
        return [picture.to_ndarray(format="rgb24") for picture, _ in video.timed_frames()]


def names(clips):
    return sorted(str(clip.path.relative_to(clip.path.parents[2])) for clip in clips)


@pytest.mark.parametrize(
    ("train", "validation", "test"),
    [("train", "val", "test"), ("Train", "validation", "Test"), ("training", "valid", "testing")],
)
def test_folders_of_parts_are_the_split(tmp_path, train, validation, test):
    for part in (train, validation, test):
        touch(tmp_path, f"{part}/run/a.mp4", f"{part}/walk/b.mp4")
    manifest = open_dataset(tmp_path)
    assert manifest.classes == ("run", "walk")
    split = make_split(manifest)
    assert split.name == "folders"
    assert split.gives_validation
    assert split.siblings_in_train == 0
    assert names(split.test) == [f"{test}/run/a.mp4", f"{test}/walk/b.mp4"]
    assert names(split.validation) == [f"{validation}/run/a.mp4", f"{validation}/walk/b.mp4"]


def test_without_a_test_folder_the_validation_folder_is_tested(tmp_path):
    touch(tmp_path, "train/run/a.mp4", "train/walk/b.mp4", "val/run/c.mp4", "val/walk/d.mp4")
    split = make_split(open_dataset(tmp_path))
    assert names(split.test) == ["val/run/c.mp4", "val/walk/d.mp4"]
    assert len(split.train) == 2


def test_a_group_in_two_parts_is_a_leak(tmp_path):
    touch(tmp_path, "train/run/anna/a.mp4", "train/walk/anna/b.mp4", "test/run/anna/c.mp4",
          "test/walk/ben/d.mp4")  # fmt: skip
    assert make_split(open_dataset(tmp_path)).siblings_in_train == 0.5


def test_classes_called_train_and_test_stay_classes(tmp_path):
    touch(tmp_path, "train/a.mp4", "train/b.mp4", "test/c.mp4", "walk/d.mp4")
    manifest = open_dataset(tmp_path)
    assert manifest.classes == ("test", "train", "walk")
    assert not manifest.splits


def test_what_a_folder_holds_besides_clips_is_said(tmp_path):
    touch(tmp_path, "run/a.mp4", "walk/b.mp4", "walk/c.jpg", "walk/d.jpg", "run/e.xyz", "f.mp4",
          "jump/readme", "run/.hidden.jpg")  # fmt: skip
    (note,) = [note for note in open_dataset(tmp_path).notes if note.startswith("not used")]
    assert "2 files (.jpg)" in note
    assert "1 files (.xyz)" in note
    assert "1 videos outside of class folders (f.mp4)" in note
    assert "class folders without videos: jump" in note
    assert "hidden" not in note


def test_links_to_folders_are_followed_and_loops_are_not(tmp_path):
    touch(tmp_path / "real", "run/anna/a.mp4", "walk/b.mp4", "jump/c.mp4")
    data = tmp_path / "data"
    data.mkdir()
    for name in ("run", "walk"):
        (data / name).symlink_to(tmp_path / "real" / name, target_is_directory=True)
    (tmp_path / "real/run/anna/up").symlink_to(tmp_path / "real/run", target_is_directory=True)
    (tmp_path / "real/run/anna/same").symlink_to(".", target_is_directory=True)
    (tmp_path / "real/walk/more").symlink_to(tmp_path / "real/jump", target_is_directory=True)
    (tmp_path / "real/walk/broken").symlink_to(tmp_path / "nowhere")
    manifest = open_dataset(data)
    assert [(clip.label, clip.path.name, clip.group) for clip in manifest.clips] == [
        ("run", "a.mp4", "anna"),
        ("walk", "b.mp4", "walk/b"),
        ("walk", "c.mp4", "more"),
    ]
    assert len(videos_below(tmp_path / "real/run")) == 1
    assert not os.path.exists(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl"])
def test_hugging_face_metadata(tmp_path, name):
    rows = [("train/1.mp4", "run"), ("train/2.mp4", "walk"), ("test/3.mp4", "run"),
            ("test/4.mp4", "walk")]  # fmt: skip
    touch(tmp_path, *(path for path, _ in rows))
    if name.endswith("csv"):
        text = "file_name,label\n" + "".join(f"{path},{label}\n" for path, label in rows)
    else:
        text = "".join(
            json.dumps({"file_name": path, "label": label}) + "\n" for path, label in rows
        )
    (tmp_path / name).write_text(text)
    split = make_split(open_dataset(tmp_path))
    assert [clip.path.name for clip in split.test] == ["3.mp4", "4.mp4"]
    assert [clip.label for clip in split.train] == ["run", "walk"]


def test_hugging_face_metadata_in_each_part(tmp_path):
    for part in ("train", "validation"):
        touch(tmp_path, f"{part}/1.mp4", f"{part}/2.mp4")
        (tmp_path / part / "metadata.csv").write_text("file_name,label\n1.mp4,run\n2.mp4,walk\n")
    manifest = open_dataset(tmp_path)
    assert len(manifest.clips) == 4
    assert len(make_split(manifest).test) == 2


def test_annotations_of_a_folder(tmp_path, make_video):
    for name in ("a", "b"):
        make_video(f"{name}.mp4", folder=tmp_path / "data")
        activity = {"database": {name: {"annotations": [{"segment": [0, 0.4], "label": name}]}}}
        (tmp_path / "data" / f"{name}.json").write_text(json.dumps(activity))
    (tmp_path / "data/other.json").write_text("{}")
    assert open_dataset(tmp_path / "data").classes == ("a", "b")


def test_a_folder_of_nothing(tmp_path):
    with pytest.raises(TransNetError, match="has 0 folders with videos"):
        open_dataset(tmp_path)


def test_class_folders_have_no_gaps(tmp_path):
    touch(tmp_path, "run/a.mp4", "walk/b.mp4")
    with pytest.raises(TransNetError, match="whole videos, which have no gaps"):
        open_dataset(f"gaps:{tmp_path}")


def test_folders_of_frames_are_named_with_what_to_do(tmp_path):
    root = tmp_path / "my clips"
    for number, label in enumerate(("run", "walk")):
        for frame in range(6):
            picture = Image.fromarray(numbered_frame(frame + number, 64, 48))
            place = root / label / f"clip{number}" / f"img_{frame + 1:05}.jpg"
            place.parent.mkdir(parents=True, exist_ok=True)
            picture.save(place, quality=95)
    with pytest.raises(TransNetError, match=r"2 folders of frames \(run/clip0, w") as told:
        open_dataset(root)
    command = str(told.value).partition("without loss: ")[2]
    assert command.startswith(f"for d in '{root}'/*/*/; do ffmpeg -framerate 25")
    if shutil.which("ffmpeg"):
        subprocess.run(command, shell=True, check=True, capture_output=True)
        manifest = open_dataset(root)
        assert names(manifest.clips) == ["my clips/run/clip0.mkv", "my clips/walk/clip1.mkv"]
        assert not [note for note in manifest.notes if "folders of frames" in note]
        walk = manifest.clips[1].path
        assert [frame_number(picture) for picture in decoded(walk)] == [1, 2, 3, 4, 5, 6]
