import os

import fsspec
import pytest

from transnet.archive import addresses
from transnet.archive.addresses import Shard, UnreachableError, fetch, in_shard, list_videos
from transnet.errors import TransNetError


@pytest.fixture
def bucket():
    """A file system in memory, which stands for an object store."""
    system = fsspec.filesystem("memory")
    for name in ("/films/a.mp4", "/films/deep/b.avi", "/films/notes.pdf"):
        system.pipe_file(name, b"bytes of " + name.encode())
    system.pipe_file("/films/list.txt", b"a.mp4\n\ndeep/b.avi\na.mp4\n")
    yield "memory://films"
    system.rm("/films", recursive=True)


def test_shards_share_out_everything_once():
    names = [f"video{number}.mp4" for number in range(1000)]
    parts = [in_shard(names, Shard.parse(f"{number}/7")) for number in range(1, 8)]
    assert sorted(name for part in parts for name in part) == sorted(names)
    assert all(100 < len(part) < 190 for part in parts)
    # A longer list leaves each name in its shard.
    assert set(parts[2]) <= set(in_shard([*names, "new.mp4"], Shard(3, 7)))


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "a/b", "1/0", "-1/2", "1/2/3", ""])
def test_a_wrong_shard_is_refused(text):
    with pytest.raises(TransNetError, match="accepted: I/N"):
        Shard.parse(text)


def test_a_folder(tmp_path):
    for name in ("b.mp4", "a/c.AVI", ".hidden/d.mp4", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert list_videos(str(tmp_path)) == [str(tmp_path / "a/c.AVI"), str(tmp_path / "b.mp4")]


def test_lists_name_each_video_once(tmp_path):
    (tmp_path / "list.txt").write_text("a.mp4\n\nsub/b.mp4\n./a.mp4\n/else/c.mp4\ns3://x/d.mp4\n")
    (tmp_path / "list.csv").write_text("label,path\nrun,a.mp4\nwalk,sub/b.mp4\n")
    here = [str(tmp_path / "a.mp4"), str(tmp_path / "sub/b.mp4")]
    assert list_videos(str(tmp_path / "list.txt")) == [*here, "/else/c.mp4", "s3://x/d.mp4"]
    assert list_videos(str(tmp_path / "list.csv")) == here


def test_names_of_any_bytes(tmp_path):
    name = os.fsdecode(b"caf\xe9.mp4")
    (tmp_path / "list.txt").write_bytes(os.fsencode(name) + b"\n")
    assert list_videos(str(tmp_path / "list.txt")) == [str(tmp_path / name)]


def test_addresses(bucket):
    found = ["memory:///films/a.mp4", "memory:///films/deep/b.avi"]
    assert [a.replace(":///", "://") for a in list_videos(bucket)] == [
        a.replace(":///", "://") for a in found
    ]
    assert len(list_videos(f"{bucket}/*.mp4")) == 1
    assert list_videos(f"{bucket}/list.txt") == [f"{bucket}/a.mp4", f"{bucket}/deep/b.avi"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("missing", "does not exist; accepted"),
        ("missing.txt", "cannot be read"),
        ("empty.txt", "names no video"),
        ("wrong.csv", "accepted: a column path"),
        ("nowhere://a", "cannot be opened"),
    ],
)
def test_a_wrong_source_is_an_error(source, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.txt").touch()
    (tmp_path / "wrong.csv").write_text("file\na.mp4\n")
    with pytest.raises(TransNetError, match=message):
        list_videos(source)


def test_a_local_file_is_used_in_place(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"1234")
    file = fetch(str(path))
    file.release()
    assert (file.path, file.size) == (str(path), 4) and path.exists()


def test_a_remote_file_is_copied_and_removed(bucket, tmp_path):
    file = fetch(f"{bucket}/a.mp4", str(tmp_path))
    assert file.path.endswith(".mp4") and file.size == len(b"bytes of /films/a.mp4")
    assert os.path.getsize(file.path) == file.size
    file.release()
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_fetched_is_tried_again(bucket, tmp_path, monkeypatch):
    tries = []

    def get_file(self, path, copy):
        tries.append(path)
        raise ConnectionError("reset")

    monkeypatch.setattr(type(fsspec.filesystem("memory")), "get_file", get_file)
    monkeypatch.setattr(addresses, "FETCH_PAUSE_S", 0.0)
    with pytest.raises(UnreachableError, match=r"cannot be fetched \(reset\)"):
        fetch(f"{bucket}/a.mp4", str(tmp_path))
    assert len(tries) == 3 and not list(tmp_path.iterdir())


@pytest.mark.parametrize("address", ["/nowhere/a.mp4", "memory://films/none.mp4"])
def test_a_missing_file(address, tmp_path):
    with pytest.raises(UnreachableError, match=r"No such file|does not exist"):
        fetch(address, str(tmp_path))
    assert not list(tmp_path.iterdir())
