import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file

import transnet
from tests.helpers import TINY_BACKBONE, count_entries
from transnet import ClipConfig, TrainingConfig
from transnet.checkpoints.run import load_run_info


def words(data, out, *options):
    return [
        "train", str(data), "--out", str(out), "--backbone", TINY_BACKBONE, "--weights", "none",
        "--freeze", "false", "--workers", "1", "--epochs", "1", "--views", "2", *options,
    ]  # fmt: skip


def train(data, out, *, backbone=TINY_BACKBONE, size=64, **training):
    return transnet.train(
        str(data), out=str(out), backbone=backbone, weights="none",
        clip=ClipConfig(frames=4, size=size), cache=str(out.parent / "cache"),
        training=TrainingConfig(
            **{"freeze": False, "epochs": 2, "views": 2, "workers": 1, **training}
        ),
    )  # fmt: skip


def equal(one, other):
    a, b = (load_file(run / "model.safetensors") for run in (one, other))
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def refuse_to_decode(*_arguments, **_options):
    raise AssertionError("a video is decoded")


def spoil(folder):
    """Make every video unreadable."""
    for path in folder.rglob("*.avi"):
        path.write_bytes(bytes(path.stat().st_size))


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [{}, {"clip_cache": "uint8"}, {"backbone": "r3d_18", "size": 32, "epochs": 1}],
    ids=["jpeg", "uint8", "3D network"],
)
def test_a_second_training_decodes_no_video(clips_folder, tmp_path, monkeypatch, options):
    data = shutil.copytree(clips_folder, tmp_path / "data")
    first = train(data, tmp_path / "first", **options)
    assert (load_run_info(first).motion_version == 0) == ("backbone" in options)  # a 3D network
    with monkeypatch.context() as patch:
        patch.setattr("transnet.data.cache.filling.read_views", refuse_to_decode)
        second = train(data, tmp_path / "second", **options)
    assert equal(first, second)
    spoil(data)
    with pytest.raises(transnet.TransNetError, match="24 of 24 clips cannot be used"):
        train(data, tmp_path / "third", **{**options, "clip_cache": "none"})


def test_a_summary_says_how_long_the_network_waited(clips_folder, tmp_path, capsys):
    run = train(clips_folder, tmp_path / "run")
    seconds = json.loads((run / "seconds.json").read_text())
    assert 0 < seconds["waited"] < seconds["fit"]
    assert seconds["clips"] > 0 and seconds["features"] == 0
    share = f"{seconds['waited'] / seconds['fit']:.0%}"
    assert f"waited for data {share} of the time" in capsys.readouterr().err
    frozen = train(clips_folder, tmp_path / "frozen", freeze=True)
    seconds = json.loads((frozen / "seconds.json").read_text())
    assert 0 < seconds["waited"] < seconds["fit"]
    assert seconds["features"] > 0 and seconds["clips"] == 0


def count_clips(folder):
    """How many views are in the cache, as another process sees it."""
    return count_entries(folder, "clip") / 12


@pytest.mark.slow
def test_a_killed_training_keeps_what_was_decoded(clips_folder, tmp_path):
    cache = tmp_path / "cache"
    command = [
        sys.executable, "-m", "transnet",
        *words(clips_folder, tmp_path / "run", "--cache", str(cache), "--validation", "0"),
    ]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while (
        count_clips(cache / "clips") < 6 and process.poll() is None and time.monotonic() < deadline
    ):
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    kept = count_clips(cache / "clips")
    assert 6 <= kept < 48 and kept % 2 == 0, "the process was to be killed in the middle"
    again = subprocess.run([*command, "--overwrite"], check=True, capture_output=True, text=True)
    bars = [line for line in again.stderr.replace("\r", "\n").split("\n") if "frames, tr" in line]
    left = 24 - int(kept) // 2
    assert f"{left}/{left}" in bars[-1]
    assert count_clips(cache / "clips") == 48


@pytest.mark.slow
def test_a_cache_that_cannot_be_written_is_named(clips_folder, tmp_path):
    """A limit on the size of files does what a full disk does."""
    limit = 200_000
    ended = subprocess.run(
        [
            sys.executable, "-m", "transnet",
            *words(clips_folder, tmp_path / "run", "--cache", str(tmp_path / "cache")),
        ],
        capture_output=True, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )  # fmt: skip
    assert ended.returncode == 1
    assert "error: the clip cache at" in ended.stderr
    assert "cannot be written" in ended.stderr
    assert "--clip-cache none" in ended.stderr
    assert "Traceback" not in ended.stderr
