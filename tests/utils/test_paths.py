from pathlib import Path

import pytest

from transnet.errors import TransNetError
from transnet.utils.paths import cache_folder, expanded, files_below, output_folder, unused_name


def test_the_cache_is_where_the_user_wants_it(monkeypatch, tmp_path):
    monkeypatch.setenv("TRANSNET_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("TRANSNET_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg/transnet"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache/transnet"


def test_an_output_folder_is_made(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert output_folder("~/a/b") == tmp_path / "a/b"
    assert output_folder(tmp_path / "a/b").is_dir()


def test_an_output_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(TransNetError, match="to is '.*file/out', which cannot be made"):
        output_folder(tmp_path / "file/out", "--to")


@pytest.fixture
def tree(tmp_path):
    for name in ("b.avi", "a/c.AVI", "a/notes.txt", ".hidden/d.avi", "a/.e.avi"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (tmp_path / "folder.avi").mkdir()
    return tmp_path


def test_files_of_a_kind_at_any_depth(tree):
    found = files_below(tree, {".avi"})
    assert [path.relative_to(tree).as_posix() for path in found] == ["a/c.AVI", "b.avi"]


def test_folders_are_replaced_by_their_files(tree):
    def below(folder):
        return files_below(folder, {".avi"})

    assert expanded(["x.avi", str(tree / "a")], below, "video") == [
        "x.avi",
        str(tree / "a/c.AVI"),
    ]
    with pytest.raises(TransNetError, match="VIDEO is '.*folder.avi', a folder without videos"):
        expanded([str(tree / "folder.avi")], below, "video")


def test_names_are_never_used_twice():
    names = set()
    assert [unused_name("clip", names) for _ in range(3)] == ["clip", "clip_2", "clip_3"]
    assert unused_name("clip_2", names) == "clip_2_2"
    long = unused_name("ü" * 200, names)
    assert len(long.encode()) <= 200
    assert unused_name("ü" * 200, names) == f"{long}_2"
