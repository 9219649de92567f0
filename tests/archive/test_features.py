import io
import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file

from tests.helpers import TINY_BACKBONE
from transnet import ClipConfig, TrainingConfig, train
from transnet.archive.feature_config import FeatureConfig
from transnet.archive.feature_parts import import_features
from transnet.archive.features import features
from transnet.archive.parts import Parts
from transnet.data.cache.features import FeatureCache
from transnet.errors import TransNetError

CLIP = ClipConfig(frames=4, size=64)
TRAINING = TrainingConfig(epochs=2, views=2)


def extract(data, out, **settings):
    return features(
        str(data),
        out=str(out),
        backbone=TINY_BACKBONE,
        weights="none",
        clip=CLIP,
        config=FeatureConfig(views=2, device="cpu"),
        **settings,
    )


def learn(data, out, cache, **settings):
    return train(
        str(data),
        out=str(out),
        backbone=TINY_BACKBONE,
        weights="none",
        clip=CLIP,
        training=TRAINING,
        cache=str(cache),
        **settings,
    )


def test_training_takes_the_features_of_shards(clips_folder, tmp_path):
    for shard in ("1/2", "2/2"):
        extract(clips_folder, tmp_path / "parts", shard=shard)
    plain = learn(clips_folder, tmp_path / "plain", tmp_path / "cache")
    run = learn(
        clips_folder, tmp_path / "run", tmp_path / "other", features_from=str(tmp_path / "parts")
    )
    # Nothing was decoded, and the weights are the same.
    assert json.loads((run / "seconds.json").read_text())["decode"] == 0
    weights, expected = (load_file(folder / "model.safetensors") for folder in (run, plain))
    assert weights.keys() == expected.keys()
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


def test_rows_are_entries_of_the_cache(clips_folder, tmp_path):
    extract(clips_folder, tmp_path / "parts")
    table = pq.read_table(tmp_path / "parts").to_pylist()
    assert len(table) == 120 and {row["view"] for row in table} == {0, 1}
    assert np.load(io.BytesIO(table[0]["features"])).shape[0] == 4
    with FeatureCache(tmp_path / "cache") as cache:
        assert import_features(str(tmp_path / "parts"), cache) == 120
        assert import_features(str(tmp_path / "parts"), cache) == 0
        assert cache.get(table[0]["key"]).dtype == np.float32


def test_started_again_it_continues_and_names_broken_clips(clips_folder, tmp_path):
    data = shutil.copytree(clips_folder, tmp_path / "data")
    (data / "walking" / "broken.mp4").write_bytes(b"no video")
    summary = extract(data, tmp_path / "parts")
    assert (summary.clips, summary.extracted, summary.failed) == (31, 31, 1)
    again = extract(data, tmp_path / "parts")
    assert (again.before, again.extracted) == (31, 0)
    parts = Parts(str(tmp_path / "parts"), "clip")
    found = [row for name in parts.names() for row in parts.read(name).to_pylist() if row["error"]]
    assert [row["path"] for row in found] == [str(data / "walking" / "broken.mp4")]


def test_other_settings_are_refused(clips_folder, tmp_path):
    extract(clips_folder, tmp_path / "parts")
    with pytest.raises(TransNetError, match="was made with views 2, and now views is 3"):
        features(
            str(clips_folder),
            out=str(tmp_path / "parts"),
            backbone=TINY_BACKBONE,
            weights="none",
            clip=CLIP,
            config=FeatureConfig(views=3, device="cpu"),
        )


def test_a_folder_without_parts_is_refused(clips_folder, tmp_path):
    with pytest.raises(TransNetError, match="has no parts"):
        learn(clips_folder, tmp_path / "run", tmp_path / "c", features_from=str(tmp_path / "none"))


def test_a_digest_is_taken_over_only_for_the_same_file(make_video, tmp_path):
    video = make_video()
    status = video.stat()
    with FeatureCache(tmp_path / "cache") as cache:
        assert not cache.remember_digest(video, "d", status.st_size + 1, status.st_mtime_ns)
        assert cache.video_digest(video) != "d"
        assert cache.remember_digest(video, "d", status.st_size, status.st_mtime_ns)
        assert cache.video_digest(video) == "d"
        assert not cache.remember_digest(tmp_path / "gone.mp4", "d", 1, 1)
