import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import fsspec
import pyarrow.parquet as pq
import pytest

from transnet import StreamConfig, find_segments, load
from transnet.archive import labeler as labeling
from transnet.archive.label import label
from transnet.archive.label_config import LabelConfig
from transnet.archive.labeler import Labeler
from transnet.checkpoints.run import load_model, load_run_info, save_model
from transnet.cli import main
from transnet.data.datasets.folder import videos_below
from transnet.errors import TransNetError

QUIET = LabelConfig(workers=2, device="cpu")


@pytest.fixture
def archive(clips_folder, tmp_path) -> Path:
    """Nine good videos and three broken ones."""
    folder = tmp_path / "archive"
    folder.mkdir()
    for number, video in enumerate(videos_below(clips_folder)[:9]):
        shutil.copy(video, folder / f"{number}{video.suffix}")
    whole = next(folder.glob("0.*"))
    (folder / "cut.mp4").write_bytes(whole.read_bytes()[:700])
    (folder / "empty.mp4").touch()
    (folder / "text.avi").write_text("no video")
    return folder


def rows(out):
    return sorted(pq.read_table(out).to_pylist(), key=lambda row: row["path"])


def test_rows_are_those_of_predict(archive, trained_run, tmp_path):
    summary = label(str(archive), run=str(trained_run), out=str(tmp_path / "out"), config=QUIET)
    assert (summary.videos, summary.labeled, summary.failed) == (12, 12, 3)
    recognizer = load(trained_run)
    found = rows(tmp_path / "out")
    assert [row["path"] for row in found] == [str(path) for path in videos_below(archive)]
    for row in found:
        assert row["size"] == os.path.getsize(row["path"]) and row["segments"] is None
        assert row["model"] == summary.model
        if row["error"]:
            assert row["label"] is row["score"] is row["scores"] is row["seconds"] is None
            continue
        expected = recognizer.predict(row["path"])
        assert (row["label"], row["score"]) == (expected.label, expected.score)
        assert dict(row["scores"]) == dict(expected.scores)
        assert row["seconds"] == pytest.approx(15 / 20)
    errors = {Path(row["path"]).name: row["error"] for row in found if row["error"]}
    assert errors.keys() == {"cut.mp4", "empty.mp4", "text.avi"}
    assert errors["empty.mp4"] == "is empty (0 bytes)."


def test_started_again_nothing_is_done_twice(archive, trained_run, tmp_path):
    out, run = str(tmp_path / "out"), str(trained_run)
    extra = tmp_path / "later.mp4"
    shutil.move(next(archive.glob("3.*")), extra)
    label(str(archive), run=run, out=out, config=QUIET)
    shutil.move(extra, archive / "later.mp4")
    summary = label(str(archive), run=run, out=out, config=QUIET)
    assert (summary.before, summary.labeled) == (11, 1)
    assert len(rows(out)) == 12


def test_videos_with_errors_can_be_labeled_again(archive, trained_run, tmp_path):
    out, run = str(tmp_path / "out"), str(trained_run)
    label(str(archive), run=run, out=out, config=QUIET)
    shutil.copy(next(archive.glob("0.*")), archive / "cut.mp4")
    summary = label(str(archive), run=run, out=out, config=QUIET, retry_failed=True)
    assert (summary.labeled, summary.failed) == (3, 2)
    assert [row["path"] for row in rows(out)] == [str(path) for path in videos_below(archive)]


def test_shards_fill_one_folder(archive, trained_run, tmp_path):
    for shard in ("1/3", "2/3", "3/3"):
        label(
            str(archive), run=str(trained_run), out=str(tmp_path / "out"), config=QUIET, shard=shard
        )
    assert [row["path"] for row in rows(tmp_path / "out")] == [
        str(path) for path in videos_below(archive)
    ]


def test_an_archive_in_an_object_store(archive, trained_run, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "copies"))
    (tmp_path / "copies").mkdir()
    system = fsspec.filesystem("memory")
    system.put(f"{archive}/", "/bucket/archive/", recursive=True)
    try:
        summary = label(
            "memory://bucket/archive", run=str(trained_run), out="memory://bucket/out", config=QUIET
        )
        assert (summary.labeled, summary.failed) == (12, 3)
        again = label(
            "memory://bucket/archive", run=str(trained_run), out="memory://bucket/out", config=QUIET
        )
        assert (again.before, again.labeled) == (12, 0)
        assert not list((tmp_path / "copies").iterdir())
    finally:
        system.rm("/bucket", recursive=True)


def test_batches_do_not_change_a_row_much(archive, trained_run, tmp_path):
    config = LabelConfig(workers=1, device="cpu", batch=4)
    label(str(archive), run=str(trained_run), out=str(tmp_path / "one"), config=QUIET)
    label(str(archive), run=str(trained_run), out=str(tmp_path / "four"), config=config)
    for one, four in zip(rows(tmp_path / "one"), rows(tmp_path / "four"), strict=True):
        assert one["label"] == four["label"]
        assert one["score"] == (four["score"] and pytest.approx(four["score"], abs=1e-5))


def test_a_row_does_not_depend_on_its_batch(archive, trained_run):
    config = LabelConfig(workers=1, device="cpu", batch=4)
    labeler, paths = Labeler(str(trained_run), config), [str(p) for p in videos_below(archive)]
    with labeler.opened():
        together = {row["path"]: row for row in labeler.label(paths)}
        assert all(list(labeler.label([path])) == [together[path]] for path in paths)


def test_segments_are_those_of_the_timeline(make_video, trained_run, tmp_path):
    video = make_video(num_frames=100, folder=tmp_path / "archive")
    make_video("short.mp4", num_frames=10, folder=tmp_path / "archive")
    config = LabelConfig(workers=1, device="cpu", segments_from_s=2.0)
    label(str(tmp_path / "archive"), run=str(trained_run), out=str(tmp_path / "out"), config=config)
    short, long = rows(tmp_path / "out")
    expected = find_segments(load(trained_run), video, StreamConfig())
    assert short["segments"] is None
    assert [s["label"] for s in long["segments"]] == [s.label for s in expected.segments]
    assert [s["end_s"] for s in long["segments"]] == [s.end_s for s in expected.segments]


def test_a_strange_exception_is_a_row(archive, trained_run, tmp_path, monkeypatch):
    def read(path, *_, **__):
        raise MemoryError("so much")

    monkeypatch.setattr(labeling, "read_clip", read)
    label(str(archive), run=str(trained_run), out=str(tmp_path / "out"), config=QUIET)
    assert {row["error"] for row in rows(tmp_path / "out")} == {
        "cannot be decoded (MemoryError: so much)."
    }


def test_storage_that_is_gone_ends_the_job(archive, trained_run, tmp_path, monkeypatch):
    monkeypatch.setattr(labeling, "MAX_UNREACHABLE", 5)
    lines = [*map(str, videos_below(archive)), *(f"/gone/{number}.mp4" for number in range(20))]
    (tmp_path / "list.txt").write_text("\n".join(lines))
    with pytest.raises(TransNetError, match="5 files in a row could not be opened"):
        label(
            str(tmp_path / "list.txt"), run=str(trained_run), out=str(tmp_path / "o"), config=QUIET
        )
    # Those that were finished are kept; good videos may still have been in the decoder.
    found = [row["path"] for row in rows(tmp_path / "o")]
    assert len(set(found)) == len(found) and sum("/gone/" in path for path in found) >= 5


def test_another_model_is_refused(archive, trained_run, tmp_path):
    out = str(tmp_path / "out")
    label(str(archive), run=str(trained_run), out=out, config=QUIET)
    other = shutil.copytree(trained_run, tmp_path / "other")
    record = json.loads((other / "transnet.json").read_text())
    record["classes"] = record["classes"][::-1]
    (other / "transnet.json").write_text(json.dumps(record))
    save_model(other, load_model(trained_run, load_run_info(trained_run)))
    with pytest.raises(TransNetError, match="was made with model"):
        label(str(archive), run=str(other), out=out, config=QUIET)


def test_the_runtime_of_the_first_rows_is_kept(archive, trained_run, tmp_path):
    out, shard = str(tmp_path / "out"), {"run": str(trained_run), "config": QUIET}
    assert label(str(archive), out=out, shard="1/2", **shard).runtime == "eager"
    record = tmp_path / "out" / "_archive.json"
    record.write_text(record.read_text().replace('"eager"', '"onnx"'))
    assert label(str(archive), out=out, shard="2/2", **shard).runtime == "onnx"
    assert "TRANSNET_RUNTIME" not in os.environ


def test_the_command(archive, trained_run, tmp_path, capsys):
    words = ["label", str(archive), "--run", str(trained_run), "--out", str(tmp_path / "out")]
    assert main([*words, "--workers", "1", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["labeled"] == 12 and summary["stages"]["decode"]["videos"] == 12
    assert main([*words, "--workers", "1"]) == 0
    assert "12 were labeled before" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--workers", "-1"], ["--shard", "0/2"], ["--part-rows", "0"]])
def test_wrong_settings_are_refused(archive, trained_run, tmp_path, capsys, words):
    command = ["label", str(archive), "--run", str(trained_run), "--out", str(tmp_path / "out")]
    assert main([*command, *words]) == 1
    assert "accepted" in capsys.readouterr().err


def test_killed_at_any_moment_no_row_is_lost_or_twice(clips_folder, trained_run, tmp_path):
    out = tmp_path / "out"
    words = ["label", str(clips_folder), "--run", str(trained_run), "--out", str(out)]
    words += ["--part-rows", "4", "--workers", "1"]
    command = [sys.executable, "-m", "transnet", *words]
    for _ in range(3):
        before = len(list(out.glob("part-*"))) if out.exists() else 0
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        while process.poll() is None and len(list(out.glob("part-*"))) == before:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert main(words) == 0
    whole = tmp_path / "whole"
    label(str(clips_folder), run=str(trained_run), out=str(whole), config=QUIET)
    assert rows(out) == rows(whole) and len(rows(out)) == 30
    assert not list(out.glob(".part-*"))


def test_isolated_rows_are_the_same(archive, trained_run, tmp_path):
    run = str(trained_run)
    label(str(archive), run=run, out=str(tmp_path / "plain"), config=QUIET)
    label(str(archive), run=run, out=str(tmp_path / "isolated"), config=QUIET, isolate=True)
    assert rows(tmp_path / "isolated") == rows(tmp_path / "plain")
    long = LabelConfig(device="cpu", segments_from_s=5)
    with pytest.raises(TransNetError, match="isolate is for whole clips"):
        label(str(archive), run=run, out=str(tmp_path / "long"), config=long, isolate=True)
