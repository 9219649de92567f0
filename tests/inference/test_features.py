import os
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest
import torch

from tests.helpers import TINY_BACKBONE, count_entries
from transnet.config import ClipConfig
from transnet.data.broken import check_broken
from transnet.data.cache.features import FeatureCache
from transnet.data.datasets.catalog import open_dataset
from transnet.data.manifest import ClipRecord
from transnet.data.views import training_views
from transnet.errors import TransNetError
from transnet.inference.features import FeatureExtractor
from transnet.model.transnet import TransNet

CLIP = ClipConfig(frames=4, size=64)
HALVES = (0.5,) * 3
TWO_VIEWS = partial(training_views, count=2)


def extractor_into(cache, *, clip=CLIP, readout="pool", seed=0, mean=HALVES):
    torch.manual_seed(seed)
    model = TransNet(TINY_BACKBONE, 3, num_frames=clip.frames, size=clip.size, readout=readout)
    model.spatial.backbone.freeze()
    return FeatureExtractor(model, clip, mean, HALVES, cache), model


@pytest.fixture
def cache(tmp_path):
    with FeatureCache(tmp_path / "features") as cache:
        yield cache


@pytest.fixture
def records(clips_folder):
    return open_dataset(clips_folder).clips[:6]


def test_features_are_what_the_network_makes_of_the_clip(cache, records):
    from transnet.data.clips import read_clip
    from transnet.data.preprocessing import normalize

    extractor, model = extractor_into(cache)
    done = extractor.extract(records, TWO_VIEWS, title="test")
    frames = read_clip(records[0].path, CLIP).frames
    with torch.inference_mode():
        expected = model.encode(torch.from_numpy(normalize(frames, HALVES, HALVES))[None])[0]
    assert np.array_equal(extractor.features(done.keys[records[0]][0]), expected.numpy())
    assert len({key for keys in done.keys.values() for key in keys}) == 12


def test_nothing_is_computed_twice(cache, records):
    extractor, _ = extractor_into(cache)
    assert extractor.extract(records[:4], title="test").computed == 4
    assert extractor.extract(records, title="test").computed == 2
    assert extractor.extract(records, title="test").computed == 0
    assert extractor.extract(records, TWO_VIEWS, title="test").computed == 6  # one view more
    same, _ = extractor_into(cache)
    assert same.extract(records, TWO_VIEWS, title="test").computed == 0


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"mean": (0.4, 0.5, 0.5)},
        {"clip": ClipConfig(frames=5, size=64)},
        {"clip": ClipConfig(frames=4, size=96)},
        {"clip": ClipConfig(frames=4, size=64, sampling="stride")},
        {"readout": "flatten"},
    ],
)
def test_another_network_or_preprocessing_has_its_own_features(cache, records, change):
    extractor_into(cache)[0].extract(records, title="test")
    assert extractor_into(cache, **change)[0].extract(records, title="test").computed == 6


def test_a_changed_video_is_computed_anew(cache, records, make_video):
    extractor, _ = extractor_into(cache)
    path = make_video("x.avi", 8, codec="mpeg4")
    record = ClipRecord(path, "a", "a")
    assert extractor.extract([record], title="test").computed == 1
    make_video("x.avi", 9, codec="mpeg4")
    assert extractor.extract([record], title="test").computed == 1


def test_broken_clips_are_listed_and_the_others_done(cache, records, tmp_path):
    empty = tmp_path / "empty.mp4"
    empty.touch()
    bad = [ClipRecord(empty, "a", "a"), ClipRecord(tmp_path / "gone.mp4", "a", "a")]
    extractor, _ = extractor_into(cache)
    done = extractor.extract([bad[0], *records, *bad], title="test")
    assert set(done.keys) == set(done.digests) == set(records)
    assert [done.broken[record].reason for record in bad] == [
        "is empty (0 bytes).",
        "cannot be opened (No such file or directory).",
    ]


def test_too_many_broken_clips_stop(capsys):
    from transnet.errors import VideoError

    broken = {
        ClipRecord(f"{n}.avi", "a", "a"): VideoError(f"{n}.avi", "is empty") for n in range(7)
    }
    check_broken(broken, 100, 0.1, "They are left out.")
    shown = capsys.readouterr().err
    assert "7 of 100 clips cannot be used" in shown
    assert "0.avi: is empty" in shown
    assert "and 2 more" in shown
    with pytest.raises(TransNetError, match=r"more than is allowed \(1\.0%\)"):
        check_broken(broken, 100, 0.01, "")


@pytest.mark.slow
def test_a_killed_run_continues_where_it_was(clips_folder, tmp_path):
    """SIGKILL in the middle of feature extraction costs the clip in hand and no other."""
    folder = tmp_path / "features"
    command = [
        sys.executable, "-m", "transnet", "train", str(clips_folder),
        "--out", str(tmp_path / "run"), "--backbone", TINY_BACKBONE, "--weights", "none",
        "--size", "224", "--views", "1",
        "--validation", "0", "--epochs", "1", "--cache", str(folder),
    ]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while (
        count_entries(folder, "features") < 3
        and process.poll() is None
        and time.monotonic() < deadline
    ):
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    kept = count_entries(folder, "features")
    assert 3 <= kept < 24, "the process was to be killed in the middle"
    again = subprocess.run([*command, "--overwrite"], check=True, capture_output=True, text=True)
    bars = [line for line in again.stderr.replace("\r", "\n").split("\n") if "features, tr" in line]
    assert f"{24 - kept}/{24 - kept}" in bars[-1]
    assert count_entries(folder, "features") == 24


def test_a_resumed_extraction_chooses_the_runtime_by_all_frames(cache, records, monkeypatch):
    from transnet.inference import features

    asked, real = [], features.accelerated

    def recorded(backbone, num_frames):
        asked.append(num_frames)
        return real(backbone, num_frames)

    monkeypatch.setattr(features, "accelerated", recorded)
    extractor, _ = extractor_into(cache)
    extractor.extract(records[:4], TWO_VIEWS, title="interrupted")
    extractor.extract(records, TWO_VIEWS, title="resumed")
    with FeatureCache(cache.folder.with_name("other")) as other:
        extractor_into(other)[0].extract(records, TWO_VIEWS, title="whole")
    assert asked == [4 * 2 * 4, 6 * 2 * 4, 6 * 2 * 4]
