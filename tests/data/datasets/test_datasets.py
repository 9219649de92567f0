import itertools
import zipfile

import numpy as np
import pytest

from tests.helpers import frame_number
from tests.stored_rar import make_rar
from transnet.data.datasets.catalog import open_dataset
from transnet.data.datasets.csv import without_listed
from transnet.data.datasets.published import shipped_table
from transnet.data.splits import make_split
from transnet.data.video.footage import read_footage
from transnet.data.video.reader import decode_frames
from transnet.errors import TransNetError


def touch(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_folder_of_class_folders(tmp_path):
    touch(tmp_path, "run/a.mp4", "run/anna/b.AVI", "walk/anna/c.mov", "walk/.hidden.mp4",
          "walk/notes.txt", ".git/x.mp4", "empty/readme.md")  # fmt: skip
    manifest = open_dataset(tmp_path)
    assert manifest.classes == ("run", "walk")
    assert {(clip.path.name, clip.label, clip.group) for clip in manifest.clips} == {
        ("a.mp4", "run", "run/a"),
        ("b.AVI", "run", "anna"),
        ("c.mov", "walk", "anna"),
    }
    assert "1 clips have no group" in manifest.notes[0]


def test_a_folder_needs_two_classes(tmp_path):
    touch(tmp_path, "run/a.mp4")
    with pytest.raises(TransNetError, match="has 1 folders with videos; accepted: two or more"):
        open_dataset(tmp_path)


def test_csv_with_every_column(tmp_path):
    (tmp_path / "data.csv").write_text(
        "path,label,group,start,end,split\n"
        "a.avi,run,anna,,,train\n"
        '"sub/b, c.avi",walk,ben,10,20,test\n'
        "sub/d.avi,walk,ben,20,,val\n"
    )
    manifest = open_dataset(tmp_path / "data.csv")
    first, second, third = manifest.clips
    assert (first.path, first.start, first.end) == (tmp_path / "a.avi", None, None)
    assert (second.path, second.start, second.end) == (tmp_path / "sub/b, c.avi", 10, 20)
    assert third.start == 20
    assert manifest.splits == {"column": {first: "train", second: "test", third: "validation"}}
    assert not manifest.notes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,group\na,b\n", "has no column 'label'"),
        ("path,label,start\na.avi,run,x\n", "line 2: start is 'x'; accepted: a frame number"),
        ("path,label,start,end\na.avi,run,9,9\n", "line 2: end is 9; accepted: above start, 9"),
        ("path,label,split\na.avi,run,tset\n", "line 2: split is 'tset'; accepted: train, val"),
        ("path,label\n,run\n", "line 2: path is ''"),
        ("path,label\n", "holds no clips"),
        ("", "has no column 'path'"),
    ],
)
def test_csv_mistakes_are_named_with_their_line(tmp_path, text, message):
    path = tmp_path / "data.csv"
    path.write_text(text)
    with pytest.raises(TransNetError, match=message):
        open_dataset(path)


def test_a_binary_file_is_no_csv(tmp_path):
    path = tmp_path / "data.csv"
    path.write_bytes(bytes(range(256)))
    with pytest.raises(TransNetError, match="has no column .path. but"):
        open_dataset(path)


def test_nothing_there():
    with pytest.raises(TransNetError, match="data is 'nowhere', which does not exist; accepted:"):
        open_dataset("nowhere")


def test_clips_to_leave_out(tmp_path):
    touch(tmp_path, "run/a.mp4", "run/b.mp4", "walk/a.mp4")
    (tmp_path / "exclude.csv").write_text("path,label,start,end\nrun/a.mp4,x,,\n")
    manifest = without_listed(open_dataset(tmp_path), tmp_path / "exclude.csv")
    assert [clip.path.parent.name + clip.path.name for clip in manifest.clips] == [
        "runb.mp4",
        "walka.mp4",
    ]
    (tmp_path / "none.csv").write_text("path,label\n")
    assert len(without_listed(open_dataset(tmp_path), tmp_path / "none.csv").clips) == 3


def test_a_part_of_ucf101_is_announced(shared):
    manifest = open_dataset(f"ucf101:{shared / 'data/ucf101'}")
    assert len(manifest.clips) == 469
    assert len(manifest.classes) == 4
    assert "469 of 13320 videos, 4 of 101 classes" in manifest.notes[0]
    assert manifest.title == "UCF101 (4 of 101 classes, 469 of 13320 videos)"
    assert make_split(manifest, "official:1").rule.endswith(f"split of {manifest.title}")
    assert "Classes without a video: ApplyEyeMakeup, " in manifest.notes[0]


@pytest.mark.parametrize("name", ["ucf101", "hmdb51", "kth"])
def test_the_shipped_lists_are_the_official_ones(shared, tmp_path, name):
    def facts(manifest):
        clips = [(c.path.name, c.label, c.group, c.start, c.end) for c in manifest.clips]
        subsets = [[split[clip] for clip in manifest.clips] for split in manifest.splits.values()]
        return clips, subsets, list(manifest.splits)

    official = open_dataset(f"{name}:{shared / 'data' / name}", lists_only=True)
    assert facts(open_dataset(f"{name}:{tmp_path}", lists_only=True)) == facts(official)


def test_ucf101_as_published(tmp_path, make_video):
    video = make_video("video.avi", 3, codec="mpeg4").read_bytes()
    names = [f"v_HandStandPushups_g{group:02}_c01.avi" for group in (1, 8, 15)]
    root = tmp_path / "data"
    root.mkdir()
    make_rar(root / "UCF101.rar", {f"UCF-101/HandstandPushups/{name}": video for name in names})
    with zipfile.ZipFile(root / "UCF101TrainTestSplits-RecognitionTask.zip", "w") as archive:
        for number, kind in itertools.product((1, 2, 3), ("train", "test")):
            listed = [n for i, n in enumerate(names) if (i == number - 1) == (kind == "test")]
            lines = "".join(f"HandstandPushups/{name} 37\r\n" for name in listed)
            archive.writestr(f"ucfTrainTestlist/{kind}list0{number}.txt", lines)
    manifest = open_dataset(f"ucf101:{root}")
    assert [clip.path.name for clip in manifest.clips] == names
    assert {clip.label for clip in manifest.clips} == {"HandstandPushups"}
    assert manifest.clips[0].path == root / "UCF101/UCF-101/HandstandPushups" / names[0]
    tested = [
        [split[clip] for clip in manifest.clips].index("test") for split in manifest.splits.values()
    ]
    assert tested == [0, 1, 2]


def test_hmdb51_as_published(tmp_path, make_video):
    video = make_video("video.avi", 3, codec="mpeg4").read_bytes()
    names = {label: next(iter(odd)) for label, odd in odd_names().items()}
    root = tmp_path / "data"
    root.mkdir()
    for label, name in names.items():
        make_rar(tmp_path / f"{label}.rar", {f"{label}/{name}": video})
    inner = {f"{label}.rar": (tmp_path / f"{label}.rar").read_bytes() for label in names}
    make_rar(root / "hmdb51_org.rar", inner)
    make_rar(
        root / "test_train_splits.rar",
        {
            f"testTrainMulti_7030_splits/{label}_test_split{number}.txt": f"{name} {number - 1} \n"
            .encode()
            for label, name in names.items() for number in (1, 2, 3)
        },
    )  # fmt: skip
    manifest = open_dataset(f"hmdb51:{root}")
    assert {clip.label: clip.path.name for clip in manifest.clips} == names
    assert all(clip.path.exists() for clip in manifest.clips)
    parts = [set(split.values()) for split in manifest.splits.values()]
    assert parts == [{"unused"}, {"train"}, {"test"}]


def odd_names():
    """From the shipped lists: for four odd characters a clip with it in its name, by class."""
    found = {}
    for row in shipped_table("hmdb51"):
        for odd in "#&! ":
            taken = any(odd in name for names in found.values() for name in names)
            if odd in row["clip"] and not taken:
                found.setdefault(row["class"], []).append(row["clip"] + ".avi")
    assert len(found) >= 3
    return found


def test_kth_as_published(tmp_path, make_video):
    video = make_video("video.avi", 360, codec="mpeg4", width=64, height=32).read_bytes()
    root = tmp_path / "data"
    root.mkdir()
    for action in ("boxing", "walking"):
        with zipfile.ZipFile(root / f"{action}.zip", "w") as archive:
            archive.writestr(f"person01_{action}_d1_uncomp.avi", video)
    manifest = open_dataset(f"kth:{root}")
    assert [(c.label, c.group, c.start, c.end) for c in manifest.clips][:4] == [
        ("boxing", "person01", 0, 95),
        ("boxing", "person01", 95, 185),
        ("boxing", "person01", 185, 245),
        ("boxing", "person01", 245, 360),
    ]
    assert len(manifest.clips) == 8
    assert "2 of 599 videos, 2 of 6 classes" in manifest.notes[0]
    start, end = manifest.clips[1].start, manifest.clips[1].end
    footage = read_footage(manifest.clips[1].path, lambda _: np.array([0]), start=start, end=end)
    assert frame_number(footage.frames[0].to_ndarray(format="rgb24")) == 95


def test_a_data_set_that_is_complete_needs_no_archive(tmp_path, make_video):
    (tmp_path / "00sequences.txt").write_text("person01_boxing_d1 frames 1-5")
    make_video("person01_boxing_d1_uncomp.avi", 5, codec="mpeg4", folder=tmp_path)
    (tmp_path / "holiday.zip").write_bytes(b"damaged")
    assert len(open_dataset(f"kth:{tmp_path}").clips) == 1
    (tmp_path / "00sequences.txt").write_text("person01_boxing_d1 frames 1-5\n"
                                              "person02_boxing_d1 frames 1-5")  # fmt: skip
    with pytest.raises(TransNetError, match="holiday.zip is damaged or incomplete"):
        open_dataset(f"kth:{tmp_path}")


def test_the_sequences_of_a_real_kth_file(shared):
    manifest = open_dataset(f"kth:{shared / 'data/kth'}")
    assert len(manifest.clips) == 4
    whole = [pixels for pixels, _ in decode_frames(manifest.clips[0].path)]
    assert len(whole) == manifest.clips[-1].end == 360
    for clip in manifest.clips:
        footage = read_footage(
            clip.path, lambda times_s: np.array([0, len(times_s) - 1]),
            start=clip.start, end=clip.end,
        )  # fmt: skip
        first, last = (frame.to_ndarray(format="rgb24") for frame in footage.frames)
        assert (first == whole[clip.start]).all()
        assert (last == whole[clip.end - 1]).all()


@pytest.mark.parametrize("name", ["ucf101", "hmdb51", "kth"])
def test_published_data_sets_without_videos(tmp_path, name):
    with pytest.raises(TransNetError, match="holds none of its .* accepted: the published archi"):
        open_dataset(f"{name}:{tmp_path}")
    with pytest.raises(TransNetError, match="there is no such folder"):
        open_dataset(f"{name}:nowhere")


def test_lists_that_are_not_as_published(tmp_path):
    (tmp_path / "00sequences.txt").write_text("nothing of the kind")
    with pytest.raises(TransNetError, match="has no line like 'person01_boxing_d1 frames 1-95"):
        open_dataset(f"kth:{tmp_path}", lists_only=True)
    (tmp_path / "wave_test_split1.txt").write_text("a.avi 7\n")
    with pytest.raises(TransNetError, match="'a.avi 7'; accepted: NAME.avi and 0, 1 or 2"):
        open_dataset(f"hmdb51:{tmp_path}", lists_only=True)
    (tmp_path / "trainlist01.txt").write_text("PushUps 1\n")
    with pytest.raises(TransNetError, match="cannot be read|accepted: class/v_class_g01_c01.avi"):
        open_dataset(f"ucf101:{tmp_path}", lists_only=True)
