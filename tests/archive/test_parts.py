import multiprocessing
import os
import signal

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from transnet.archive.addresses import Shard
from transnet.archive.parts import Parts, PartWriter, printable
from transnet.errors import TransNetError

SCHEMA = pa.schema({"path": pa.string(), "error": pa.string()})


def row(path, error=None):
    return {"path": path, "error": error}


def table(*rows):
    return pa.Table.from_pylist(list(rows), schema=SCHEMA)


@pytest.fixture(params=["folder", "memory"])
def parts(request, tmp_path):
    if request.param == "folder":
        yield Parts(str(tmp_path / "out"), "path")
        return
    yield Parts("memory://out", "path")
    fsspec.filesystem("memory").rm("/out", recursive=True)


def test_rows_are_found_again(parts):
    with PartWriter(parts, SCHEMA, rows=2) as writer:
        for name in "abcde":
            writer.add(row(name))
    assert len(parts.names()) == writer.written == 3
    assert parts.keys() == set("abcde")


def test_a_folder_of_parts_is_a_parquet_dataset(tmp_path):
    parts = Parts(str(tmp_path), "path")
    with parts.locked():
        parts.settle({"model": "m"})
        parts.write(table(row("a"), row("b")))
    assert pq.read_table(tmp_path).num_rows == 2


def test_equal_rows_are_one_part(parts):
    parts.write(table(row("a"), row("b")))
    parts.write(table(row("a"), row("b")))
    assert len(parts.names()) == 1


def test_a_minute_makes_a_part(tmp_path):
    parts = Parts(str(tmp_path), "path")
    with PartWriter(parts, SCHEMA, seconds=0.0) as writer:
        writer.add(row("a"))
        assert parts.keys() == {"a"}


def test_what_is_collected_is_written_after_an_interrupt(tmp_path):
    parts = Parts(str(tmp_path), "path")
    with pytest.raises(KeyboardInterrupt), PartWriter(parts, SCHEMA) as writer:
        writer.add(row("a"))
        raise KeyboardInterrupt
    assert parts.keys() == {"a"}


def test_rows_with_errors_can_be_dropped(parts):
    parts.write(table(row("a"), row("b", "broken")))
    parts.write(table(row("c", "broken")))
    assert parts.drop("error") == 2
    assert parts.keys() == {"a"} and len(parts.names()) == 1


def test_a_damaged_part_is_named(tmp_path):
    parts = Parts(str(tmp_path), "path")
    parts.write(table(*(row(f"video {number}" * 9) for number in range(99))))
    path = next(tmp_path.glob("part-*"))
    content = path.read_bytes()
    for place in range(0, len(content), 7):
        damaged = bytearray(content)
        damaged[place] ^= 255
        path.write_bytes(damaged)
        with pytest.raises(TransNetError, match=f"{path.name} cannot be read"):
            parts.read(str(path))
    path.write_bytes(content[:50])
    with pytest.raises(TransNetError, match="delete it, and its rows are made anew"):
        parts.keys()


def test_rows_of_another_model_are_not_mixed(parts):
    assert parts.settle({"model": "one", "runtime": "onnx"})["runtime"] == "onnx"
    again = parts.settle({"model": "one", "runtime": "eager"}, adopt=["runtime"])
    assert again["runtime"] == "onnx"
    with pytest.raises(TransNetError, match="model 'one', and now model is 'two'"):
        parts.settle({"model": "two", "runtime": "onnx"})


def test_one_writer_a_shard(tmp_path):
    first, second = Parts(str(tmp_path), "path"), Parts(str(tmp_path), "path")
    other = Parts(str(tmp_path), "path", Shard(2, 2))
    refused = pytest.raises(TransNetError, match="another process writes shard 1/1")
    with first.locked(), other.locked(), refused, second.locked():
        pass
    with second.locked():
        pass


def hold(folder, ready):
    with Parts(folder, "path").locked():
        ready.set()
        signal.pause()


def test_a_killed_writer_holds_no_lock_and_its_leftovers_go(tmp_path):
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=hold, args=(str(tmp_path), ready))
    process.start()
    assert ready.wait(60)
    (tmp_path / ".part-1of1-0123.parquet.tmp").touch()
    (tmp_path / ".part-1of2-0123.parquet.tmp").touch()  # perhaps being written
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with Parts(str(tmp_path), "path").locked():
        assert [p.name for p in tmp_path.glob(".part-*")] == [".part-1of2-0123.parquet.tmp"]


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(TransNetError, match="cannot be written"):
        Parts(str(tmp_path / "file" / "out"), "path")


def test_a_full_disk_leaves_nothing_half_written(tmp_path, monkeypatch):
    parts = Parts(str(tmp_path), "path")

    def full(self, path, value, **_):
        (tmp_path / os.path.basename(path)).write_bytes(value[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(fsspec.filesystem("file")), "pipe_file", full)
    with pytest.raises(TransNetError, match=r"No space left on device.*what is written is kept"):
        parts.write(table(row("a")))
    assert not list(tmp_path.iterdir())


def test_names_of_any_bytes_become_text():
    assert printable(os.fsdecode(b"caf\xe9.mp4")) == "caf\\xe9.mp4"
    assert printable("café.mp4") == "café.mp4"
