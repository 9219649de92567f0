import pytest

from transnet.data.datasets import open_dataset
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
    assert manifest.column == {first: "train", second: "test", third: "validation"}
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
    with pytest.raises(TransNetError, match="DATA is 'nowhere', which does not exist; accepted:"):
        open_dataset("nowhere")


def test_a_part_of_ucf101_is_announced(shared):
    manifest = open_dataset(f"ucf101:{shared / 'data/ucf101'}")
    assert len(manifest.clips) == 469
    assert len(manifest.classes) == 4
    assert "469 of 13320 clips, 4 of 101 classes" in manifest.notes[0]


def test_ucf101_labels_are_those_of_the_lists(tmp_path):
    touch(tmp_path, "HandstandPushups/v_HandStandPushups_g01_c01.avi")
    lists = tmp_path / "ucfTrainTestlist"
    lists.mkdir()
    for number in (1, 2, 3):
        name = "HandstandPushups/v_HandStandPushups_g01_c01.avi"
        (lists / f"trainlist0{number}.txt").write_text(f"{name} 37\r\n")
        (lists / f"testlist0{number}.txt").write_text("")
    assert open_dataset(f"ucf101:{tmp_path}").classes == ("HandstandPushups",)


def test_ucf101_without_lists_or_clips(tmp_path):
    with pytest.raises(TransNetError, match="trainlist01.txt is missing"):
        open_dataset(f"ucf101:{tmp_path}")
    with pytest.raises(TransNetError, match="there is no such folder"):
        open_dataset("ucf101:nowhere")
