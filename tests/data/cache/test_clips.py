from functools import partial

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from transnet.config import ClipConfig
from transnet.data.cache.clips import ClipCache, cache_clips
from transnet.data.clips import read_views
from transnet.data.datasets.catalog import open_dataset
from transnet.data.manifest import ClipRecord
from transnet.data.views import training_views
from transnet.errors import FileError, TransNetError

CLIP = ClipConfig(frames=4, size=64)
TWO_VIEWS = partial(training_views, count=2)


@pytest.fixture(params=["jpeg", "uint8"])
def cache(request, tmp_path):
    with ClipCache(tmp_path / "clips", request.param) as cache:
        yield cache


@pytest.fixture
def records(clips_folder):
    return open_dataset(clips_folder).clips[:6]


def bring_in(cache, records, *, clip=CLIP, views_of=TWO_VIEWS):
    return cache_clips(cache, records, clip, views_of, workers=2, title="test")


def difference(one, other):
    return np.abs(one.astype(int) - other.astype(int))


@pytest.mark.parametrize(("storage", "mean", "most"), [("uint8", 0, 0), ("jpeg", 2.5, 60)])
def test_clips_come_back_as_they_were_decoded(tmp_path, records, storage, mean, most):
    with ClipCache(tmp_path / "clips", storage) as cache:
        done = bring_in(cache, records)
        for record in records:
            looks = TWO_VIEWS(f"{done.digests[record]}:None:None")
            for key, clip in zip(done.keys[record], read_views(record.path, CLIP, looks),
                                 strict=True):  # fmt: skip
                found = cache.get(key, CLIP.frames)
                assert (found.shape, found.dtype) == ((4, 64, 64, 3), np.uint8)
                assert difference(found, clip.frames).mean() <= mean
                assert difference(found, clip.frames).max() <= most


def test_a_real_clip_is_kept_in_a_fraction_of_its_size(shared, tmp_path):
    path = next((shared / "data/ucf101").rglob("*_g01_c01.avi"))
    clip = read_views(path, ClipConfig(), TWO_VIEWS("x"))[1]
    with ClipCache(tmp_path / "clips") as cache:
        kept = cache.encode(clip.frames)
        cache.put({"clip|x": kept})
        assert difference(cache.get("clip|x", 12), clip.frames).mean() < 1.5
    assert sum(map(len, kept)) < clip.frames.nbytes / 4


def test_no_clip_is_decoded_twice(cache, records):
    assert bring_in(cache, records[:4]).computed == 4
    assert bring_in(cache, records).computed == 2
    assert bring_in(cache, records).computed == 0
    assert bring_in(cache, records, views_of=partial(training_views, count=3)).computed == 6
    keys = bring_in(cache, records).keys.values()
    assert len({key for views in keys for key in views}) == 12


def test_other_clips_have_their_own_entries(tmp_path, records):
    for storage in ("jpeg", "uint8"):
        with ClipCache(tmp_path / "clips", storage) as cache:
            assert bring_in(cache, records).computed == 6
            for change in ({"frames": 5}, {"size": 96}, {"sampling": "stride"}):
                clip = ClipConfig(**{"frames": 4, "size": 64, **change})
                assert bring_in(cache, records, clip=clip).computed == 6
            ranges = [ClipRecord(record.path, "a", "a", 2, 9) for record in records]
            assert bring_in(cache, ranges).computed == 6


def test_a_changed_video_is_decoded_anew(cache, make_video):
    record = ClipRecord(make_video("x.avi", 8, codec="mpeg4"), "a", "a")
    before = bring_in(cache, [record])
    make_video("x.avi", 30, codec="mpeg4")
    after = bring_in(cache, [record])
    assert after.computed == 1
    one, other = (cache.get(done.keys[record][0], 4) for done in (before, after))
    assert difference(one, other).max() > 100


def test_broken_clips_are_listed_and_the_others_kept(cache, records, tmp_path):
    empty = tmp_path / "empty.mp4"
    empty.touch()
    bad = [ClipRecord(empty, "a", "a"), ClipRecord(tmp_path / "gone.mp4", "a", "a")]
    done = bring_in(cache, [*bad, *records])
    assert set(done.keys) == set(done.digests) == set(records)
    assert set(done.broken) == set(bad)


class _Frames(Dataset):
    def __init__(self, cache, keys):
        self._cache, self._keys = cache, keys

    def __len__(self):
        return len(self._keys)

    def __getitem__(self, index):
        return torch.from_numpy(self._cache.get(self._keys[index], CLIP.frames))


@pytest.mark.slow
@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_processes_of_a_loader_read_it(cache, records, start):
    keys = [views[0] for views in bring_in(cache, records).keys.values()]
    loader = DataLoader(_Frames(cache, keys), num_workers=2, multiprocessing_context=start)
    for _ in range(2):
        for key, (frames,) in zip(keys, loader, strict=True):
            assert np.array_equal(frames.numpy(), cache.get(key, CLIP.frames))
    assert bring_in(cache, records[:1], clip=ClipConfig(frames=7, size=64)).computed == 1


def test_a_clip_that_has_vanished_is_an_error(cache):
    with pytest.raises(FileError, match="clips: a clip is missing from this cache"):
        cache.get("clip|none", 4)


def test_a_folder_that_is_no_cache_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(
        TransNetError, match="the clip cache at .* cannot be used .* clip_cache='none'"
    ):
        ClipCache(tmp_path / "file")
