"""Datasets whose clips have several labels at once, in every form, and their splits."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from transnet.cli import main
from transnet.data.datasets.catalog import open_dataset
from transnet.data.division import divide_clips
from transnet.data.manifest import ClipRecord, Manifest
from transnet.data.shots import with_shots
from transnet.data.splits import make_split
from transnet.errors import TransNetError


def table(folder, *rows, header="path,label,group", name="clips.csv"):
    (folder / name).write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return folder / name


def labels_of(manifest):
    return {clip.path.name: clip.label for clip in manifest.clips}


def test_a_table_with_several_labels(tmp_path):
    manifest = open_dataset(
        table(
            tmp_path,
            "a.mp4,walk | carry,x",
            "b.mp4,walk,y",
            "c.mp4,_none,z",
            'd.mp4,"carry|walk",z',
        )
    )
    assert manifest.several_labels
    assert labels_of(manifest)["a.mp4"] == labels_of(manifest)["d.mp4"] == "carry|walk"
    assert manifest.classes == ("_none", "carry", "walk")
    assert manifest.summary() == (
        "clips: 4 clips of 3 classes (1 to 3 per class) in 3 groups; 2 clips have several labels "
        "at once"
    )


def test_without_several_labels_nothing_changes(tmp_path):
    manifest = open_dataset(table(tmp_path, "a.mp4,walk,x", "a.mp4,carry,x", "b.mp4,walk,y"))
    assert not manifest.several_labels
    assert "several labels" not in manifest.summary()
    assert len(manifest.clips) == 3  # two labels of one clip are a mistake, which is named
    assert any("have two labels" in note and "'a|b'" in note for note in manifest.notes)


def test_rows_of_the_same_segment_are_joined_where_there_are_several_labels(tmp_path):
    rows = [
        "a.mp4,walk,x,0,10", "a.mp4,carry,x,0,10", "a.mp4,run,x,10,20", "b.mp4,run|carry,y,0,5",
        "b.mp4,run,y,0,5",
    ]  # fmt: skip
    manifest = open_dataset(table(tmp_path, *rows, header="path,label,group,start,end"))
    assert [(clip.label, clip.start) for clip in manifest.clips] == [
        ("carry|walk", 0), ("run", 10), ("carry|run", 0),
    ]  # fmt: skip
    assert not any("two labels" in note for note in manifest.notes)


def test_parts_of_a_split_are_not_joined(tmp_path):
    rows = ["a.mp4,walk,x,train", "a.mp4,carry,x,test", "b.mp4,walk|carry,y,train"]
    manifest = open_dataset(table(tmp_path, *rows, header="path,label,group,split"))
    assert len(manifest.clips) == 3
    assert any("have two labels" in note for note in manifest.notes)
    assert manifest.splits["column"][manifest.clips[2]] == "train"


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("walk||carry", r"clips\.csv, line 3: label is 'walk\|\|carry', in which a label is empty"),
        ("walk|_none", r"clips\.csv, line 3: label is 'walk\|_none'; accepted: _none alone"),
    ],
)
def test_what_is_no_label_is_refused_with_its_line(tmp_path, label, message):
    with pytest.raises(TransNetError, match=message):
        open_dataset(table(tmp_path, "a.mp4,walk|carry,x", f"b.mp4,{label},y"))
    with pytest.raises(TransNetError, match=r"a\.mp4, labels of the same frames: .*_none alone"):
        open_dataset(table(tmp_path, "a.mp4,walk|carry,x", "a.mp4,_none,x"))


def test_bars_between_columns_cannot_cut_labels_off(tmp_path):
    with pytest.raises(TransNetError, match=r"line 3 has more values than the 2 columns, with \|"):
        open_dataset(table(tmp_path, "a.mp4|walk", "b.mp4|walk|carry", header="path|label"))
    quoted = table(tmp_path, "a.mp4|walk", 'b.mp4|"walk|carry"', header="path|label")
    assert labels_of(open_dataset(quoted)) == {"a.mp4": "walk", "b.mp4": "carry|walk"}


def test_look_alikes_are_found_among_the_labels(tmp_path):
    manifest = open_dataset(table(tmp_path, "a.mp4,High Jump|run,x", "b.mp4,high_jump,y"))
    (note,) = [note for note in manifest.notes if "look alike" in note]
    assert "'High Jump' (1 clips) and 'high_jump' (1 clips)" in note


def test_folders_and_lists(tmp_path, make_video):
    for label in ("walk|carry", "walk", "carry"):
        make_video(f"data/{label}/a/clip.mp4", 4)
    assert open_dataset(tmp_path / "data").classes == ("carry", "walk")
    (tmp_path / "list.txt").write_text("a.mp4 0|1\nb.mp4 1\n")
    (tmp_path / "classes.txt").write_text("walk\ncarry\n")
    assert labels_of(open_dataset(tmp_path / "list.txt")) == {
        "a.mp4": "carry|walk",
        "b.mp4": "carry",
    }


def test_annotations_that_have_several_labels(tmp_path, make_video):
    make_video("clip.mp4", 50)
    task = {
        "data": {"video": "clip.mp4"},
        "annotations": [{"result": [{"type": "choices", "value": {"choices": ["walk", "carry"]}}]}],
    }
    (tmp_path / "tasks.json").write_text(json.dumps([task]))
    assert labels_of(open_dataset(tmp_path / "tasks.json")) == {"clip.mp4": "carry|walk"}
    boxes = {
        "project": {}, "config": {}, "view": {"1": {"fid_list": ["1"]}},
        "file": {"1": {"fid": "1", "fname": "clip.mp4", "src": "clip.mp4"}},
        "attribute": {"1": {"aname": "action", "type": 2, "options": {"0": "walk", "1": "carry"}}},
        "metadata": {"a": {"vid": "1", "z": [0, 1], "xy": [], "av": {"1": "0,1"}}},
    }  # fmt: skip
    (tmp_path / "via.json").write_text(json.dumps(boxes))
    assert labels_of(open_dataset(tmp_path / "via.json")) == {"clip.mp4": "carry|walk"}
    segments = [{"label": label, "segment": [0.0, 1.0]} for label in ("walk", "carry")]
    database = {"database": {"clip": {"subset": "training", "annotations": segments}}}
    (tmp_path / "net.json").write_text(json.dumps(database))
    manifest = open_dataset(tmp_path / "net.json")
    assert labels_of(manifest) == {"clip.mp4": "carry|walk"}
    assert [*manifest.splits["column"].values()] == ["train"]


def clips(groups=10, takes=3):
    """Of each group: walk, carry, both, and none."""
    return tuple(
        ClipRecord(Path(f"{group}-{label}-{take}.mp4"), label, f"g{group}")
        for group in range(groups)
        for label in ("walk", "carry", "carry|walk", "_none")
        for take in range(takes)
    )


@pytest.mark.parametrize("name", ["group", "paper", "leave-out:g3"])
def test_every_split_keeps_each_class_on_both_sides(name):
    split = make_split(Manifest("x", clips()), name)
    for part in (split.train, split.test):
        counts = Counter(label for clip in part for label in clip.labels)
        assert set(counts) == {"_none", "carry", "walk"}
        assert max(counts.values()) <= 2.1 * min(counts.values())
    assert len(split.test) == pytest.approx(0.2 * 120, abs=12)
    assert (split.siblings_in_train > 0.9) == (name == "paper")


def test_a_random_division_reaches_rare_classes():
    rare = (ClipRecord(Path("r1.mp4"), "jump|walk", "a"), ClipRecord(Path("r2.mp4"), "jump", "b"))
    left, taken = divide_clips((*clips(), *rare), 0.2, np.random.default_rng(0))
    for part in (left, taken):
        assert any("jump" in clip.labels for clip in part)
    assert len(taken) == pytest.approx(0.2 * 122, abs=4)


def test_k_shots_are_of_each_class():
    few = with_shots(make_split(Manifest("x", clips()), "group"), 2)
    counts = Counter(label for clip in few.train for label in clip.labels)
    assert set(counts) == {"_none", "carry", "walk"} and min(counts.values()) >= 2
    assert len(few.train) <= 6


def test_check_says_so(tmp_path, make_video, capsys):
    for number, name in enumerate("ab"):
        make_video(f"{name}.mp4", 20 + number)
    data = table(tmp_path, "a.mp4,walk|carry,x", "b.mp4,walk,y")
    main(["check", str(data), "--out", str(tmp_path / "checked")])
    assert "1 clips have several labels at once" in capsys.readouterr().err
