import json
import shutil
from pathlib import Path

import av
import numpy as np
import pytest

from transnet.cli import main
from transnet.data.datasets.catalog import open_dataset
from transnet.data.quality import inspect_clips
from transnet.data.video.isolation import Isolation


def write(path, pictures, rate=10):
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for picture in pictures:
            pixels = np.full((48, 64, 3), picture, np.uint8) if np.isscalar(picture) else picture
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture
def data(tmp_path, make_video):
    """A folder of two classes with something of everything that can be wrong."""
    root = tmp_path / "data"
    make_video("good.mp4", folder=root / "run")
    make_video("another.mp4", num_frames=30, folder=root / "walk")
    shutil.copy(root / "run/good.mp4", root / "run/same.mp4")
    shutil.copy(root / "walk/another.mp4", root / "run/stolen.mp4")
    write(root / "walk/black.avi", [2] * 8)
    write(root / "walk/blank.avi", [90, 120, 150, 180])
    slope = np.broadcast_to(np.arange(64, dtype=np.uint8)[None, :, None] * 3, (48, 64, 3))
    write(root / "walk/still.avi", [slope] * 13)
    write(root / "walk/one.avi", [slope])
    (root / "walk/broken.mp4").write_bytes(b"no video")
    half = make_video("half.mp4", num_frames=60, folder=root / "walk")
    half.write_bytes(half.read_bytes()[: half.stat().st_size // 2])
    return root


def test_every_kind_of_wrong_clip_is_found(data):
    manifest = open_dataset(data)
    found = {f.clip.path.name: (f.status, f.reason) for f in inspect_clips(manifest.clips, 2)}
    reasons = {
        "good.mp4": ("fine", ""),
        "same.mp4": ("suspicious", "the same as"),
        "another.mp4": ("suspicious", "labeled run"),
        "stolen.mp4": ("suspicious", "labeled walk"),
        "black.avi": ("suspicious", "is black"),
        "blank.avi": ("suspicious", "is blank"),
        "still.avi": ("suspicious", "is a still"),
        "one.avi": ("suspicious", "a single frame"),
        "broken.mp4": ("broken", "not a video"),
        "half.mp4": ("broken", ""),
    }
    assert {name: status for name, (status, _) in found.items()} == {
        name: status for name, (status, _) in reasons.items()
    }
    for name, (_, reason) in reasons.items():
        assert reason in found[name][1]


def test_the_command_reports_and_its_list_is_taken(data, tmp_path, capsys):
    out = tmp_path / "checked"
    assert main(["check", str(data), "--out", str(out), "--json"]) == 1
    printed = capsys.readouterr()
    rows = [json.loads(line) for line in printed.out.splitlines()]
    assert len(rows) == 10
    assert {row["status"] for row in rows} == {"fine", "suspicious", "broken"}
    assert "10 clips: 1 fine, 7 suspicious, 2 broken" in printed.err
    assert "is a still" in (out / "report.html").read_text()
    names = {line.partition(",")[0].rpartition("/")[2] for line in
             (out / "exclude.csv").read_text().splitlines()[1:]}  # fmt: skip
    assert names == {row["path"].rpartition("/")[2] for row in rows if row["status"] != "fine"}


def test_a_sound_data_set_ends_well(clips_folder, tmp_path, capsys):
    assert main(["check", str(clips_folder), "--out", str(tmp_path)]) == 0
    assert "30 clips: 30 fine, 0 suspicious, 0 broken" in capsys.readouterr().err
    assert (tmp_path / "exclude.csv").read_text().count("\n") == 1


def test_the_report_of_another_dataset_is_kept(make_video, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    data = [str(tmp_path / place / "clips") for place in ("a", "b")]
    for folder in data:
        for number in range(6):
            label = "run" if number % 2 else "walk"
            make_video(f"{number}.mp4", 20 + number, folder=Path(folder) / label)
    commands = {"check": [], "audit": ["--lists-only"]}
    for command, options in commands.items():
        for folder in (data[0], data[1], data[0]):
            assert main([command, folder, *options]) == 0
        assert sorted(path.name for path in Path("runs", command).iterdir()) == ["clips", "clips_2"]
        capsys.readouterr()
        out = f"runs/{command}/clips"
        assert main([command, data[1], *options, "--out", out]) == 1
        assert f"--out is {out!r}, which holds the report of {data[0]}" in capsys.readouterr().err
        assert main([command, data[0], *options, "--out", out]) == 0


def test_a_folder_that_cannot_be_written(clips_folder, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main(["check", str(clips_folder), "--out", str(tmp_path / "file")]) == 1
    assert "error: --out is" in capsys.readouterr().err


def test_isolated_findings_are_the_same(data):
    manifest = open_dataset(str(data))
    with Isolation() as isolation:
        isolated = inspect_clips(manifest.clips, 1, isolation)
    assert isolated == inspect_clips(manifest.clips, 1)
