import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from transnet.data.cache.database import NAME
from transnet.data.cache.features import FeatureCache, feature_key
from transnet.errors import TransNetError, VideoError


@pytest.fixture
def cache(tmp_path):
    with FeatureCache(tmp_path / "features") as cache:
        yield cache


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_arrays_come_back_as_they_were(cache, dtype):
    array = np.random.default_rng(0).normal(size=(12, 5)).astype(dtype)
    key = feature_key(clip="a")
    assert key not in cache
    assert cache.get(key) is None
    cache.put({key: array})
    assert key in cache
    found = cache.get(key)
    assert found.dtype == dtype
    assert np.array_equal(found, array)


def test_keys_depend_on_everything():
    keys = {feature_key(**values) for values in ({"a": 1}, {"a": 2}, {"b": 1}, {"a": 1, "b": 1})}
    assert len(keys) == 4
    assert feature_key(a=1, b=2) == feature_key(b=2, a=1)


def test_threads_share_it(cache):
    arrays = {f"features|{number}": np.full(10_000, number, np.float32) for number in range(40)}

    def use(key):
        cache.put({key: arrays[key]})
        return np.array_equal(cache.get(key), arrays[key])

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(use, arrays))


def test_two_processes_share_it(tmp_path):
    with FeatureCache(tmp_path / "features") as cache:
        script = (
            "import sys, numpy as np\n"
            "from transnet.data.cache.features import FeatureCache\n"
            "with FeatureCache(sys.argv[1]) as cache:\n"
            "    cache.put({'features|other': np.arange(100_000)})\n"
        )
        subprocess.run([sys.executable, "-c", script, str(cache.folder)], check=True)
        assert np.array_equal(cache.get("features|other"), np.arange(100_000))
        cache.put({"features|own": np.arange(3)})
        assert np.array_equal(cache.get("features|own"), np.arange(3))


def test_digest_is_of_the_bytes(cache, tmp_path):
    first, second = tmp_path / "a.avi", tmp_path / "b.avi"
    first.write_bytes(b"same")
    second.write_bytes(b"same")
    digest = cache.video_digest(first)
    assert cache.video_digest(second) == digest
    first.write_bytes(b"other")
    assert cache.video_digest(first) != digest
    os.utime(second, (1, 1))  # another date, the same bytes
    assert cache.video_digest(second) == digest


def test_a_missing_video_is_named(cache, tmp_path):
    with pytest.raises(VideoError, match=r"none\.avi: cannot be opened"):
        cache.video_digest(tmp_path / "none.avi")


def test_a_folder_that_is_no_cache_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(TransNetError, match="cannot be used .*another folder with cache"):
        FeatureCache(tmp_path / "file")


def test_rubbish_is_replaced(tmp_path):
    (tmp_path / NAME).write_bytes(b"not a database" * 1000)
    with FeatureCache(tmp_path) as cache:
        cache.put({"features|a": np.arange(3)})
        assert np.array_equal(cache.get("features|a"), np.arange(3))


def test_the_names_of_features_stay_what_they_were():
    """Or every cache that was filled before would be lost."""
    key = feature_key(clip_identity="a:None:None", view={"offset": 0.5}, backbone="x")
    assert key == "features|c93f8680d7123f7465b259246491f5e0"
