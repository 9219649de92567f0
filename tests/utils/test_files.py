import os
import platform
import subprocess
import sys

import pytest

from transnet.errors import TransNetError
from transnet.utils.files import whole_folder, write_once, written_whole


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_once_it_is_complete(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")
    with written_whole(path) as beside:
        beside.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert names(tmp_path) == ["a.json"]


def test_a_file_that_fails_leaves_the_old_one(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), written_whole(path) as beside:
        beside.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.json"]


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    path = tmp_path / "missing/a.json"
    with pytest.raises(TransNetError, match=r"a\.json cannot be written"), written_whole(path) as p:
        p.write_text("x")


def test_a_folder_takes_the_place_of_an_older_one_once_it_is_complete(tmp_path):
    folder = tmp_path / "deep/out"
    for content in ("old", "new"):
        with whole_folder(folder) as beside:
            (beside / content).touch()
            assert folder.exists() == (content == "new")
        assert names(folder) == [content]
    assert names(folder.parent) == ["out"]


def test_a_folder_has_the_usual_permissions(tmp_path):
    with whole_folder(tmp_path / "out"):
        pass
    (tmp_path / "usual").mkdir()
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_folder_that_fails_leaves_the_old_one(tmp_path):
    with whole_folder(tmp_path / "out") as beside:
        (beside / "old").touch()
    with pytest.raises(ZeroDivisionError), whole_folder(tmp_path / "out") as beside:
        (beside / "half").touch()
        raise ZeroDivisionError
    assert names(tmp_path) == ["out"]
    assert names(tmp_path / "out") == ["old"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(TransNetError, match="to is '.*', which cannot be made"),
        whole_folder(tmp_path / "file/out", "--to"),
    ):
        pass


def test_leftovers_of_killed_processes_are_removed(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    here = platform.node()
    killed = tmp_path / f".out.{here}.{ended.pid}.abc"
    kept = [
        tmp_path / f".out.{here}.{os.getpid()}.abc",  # still running
        tmp_path / f".out.{here}x.{ended.pid}.abc",  # another machine on a shared disk
        tmp_path / f".other.{here}.{ended.pid}.abc",
        tmp_path / f".out.{here}.notes.abc",
    ]
    for folder in (killed, *kept):
        folder.mkdir()
        (folder / "half").touch()
    with whole_folder(tmp_path / "out"):
        pass
    assert not killed.exists()
    assert all((folder / "half").exists() for folder in kept)


def test_a_list_is_written_once(tmp_path):
    path = tmp_path / "clips.csv"
    write_once(path, b"a", "clips")
    write_once(path, b"a", "clips")
    with pytest.raises(TransNetError, match="the clips of .* are not those .* overwrite"):
        write_once(path, b"b", "clips")
    assert path.read_bytes() == b"a"
