"""A damaged cache: an entry that is not right counts as missing; nothing ends with a signal."""

import json
import os
import sqlite3
import subprocess
import sys

import numpy as np
import pytest

from transnet.data.cache.clips import ClipCache
from transnet.data.cache.database import NAME
from transnet.data.cache.features import FeatureCache
from transnet.errors import TransNetError, VideoError

# In a process of its own, as a signal would end the tests. Half of the tries damage the database's
# own structure: its first page and the small pages that lead to the values.
DAMAGE = """
import json, random, shutil, sys
from pathlib import Path
import numpy as np
from transnet.data.cache.clips import ClipCache
from transnet.data.cache.features import FeatureCache
from transnet.errors import TransNetError

folder, tries = Path(sys.argv[1]), int(sys.argv[2])
clips = np.load(folder / "clips.npy")
features = {f"features|{n:032}": np.random.default_rng(n).normal(size=(4, 64)) for n in range(40)}
counts = dict(equal=0, missing=0, named=0, other=0)
for number in range(tries):
    chance = random.Random(number)
    cache = folder / f"damaged{number}"
    shutil.copytree(folder / "whole", cache)
    data = cache / "entries.sqlite"
    content = bytearray(data.read_bytes())
    if number % 4 == 0:
        content = content[: chance.randrange(len(content))]
    elif number % 4 == 1:
        begin = chance.randrange(len(content))
        content[begin : begin + 1000] = bytes(len(content[begin : begin + 1000]))
    elif number % 4 == 2:
        for _ in range(20):
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    else:
        for _ in range(6):
            page = 16384 * chance.choice((0, chance.randrange(len(content) // 16384)))
            content[page + chance.randrange(200)] = chance.randrange(256)
    data.write_bytes(content)
    results = set()
    try:
        with FeatureCache(cache) as store:
            for key, array in features.items():
                found = store.get(key)
                if found is None:
                    store.put({key: array})
                    found = store.get(key)
                    results.add("missing")
                results.add("equal" if np.array_equal(found, array) else "other")
        with ClipCache(cache, "uint8") as store:
            for n in range(len(clips)):
                if not store.holds(f"clip|{n}", 3):
                    store.put({f"clip|{n}": store.encode(clips[n])})
                    results.add("missing")
                same = np.array_equal(store.get(f"clip|{n}", 3), clips[n])
                results.add("equal" if same else "other")
    except TransNetError as error:
        results.add("named")
    for result in ("other", "named", "missing", "equal"):
        if result in results:
            counts[result] += 1
            break
    shutil.rmtree(cache)
print(json.dumps(counts))
"""


def test_no_damage_is_believed(tmp_path):
    clips = np.random.default_rng(0).integers(0, 255, (6, 3, 32, 32, 3), np.uint8)
    np.save(tmp_path / "clips.npy", clips)
    with FeatureCache(tmp_path / "whole") as store:
        for n in range(40):
            store.put({f"features|{n:032}": np.random.default_rng(n).normal(size=(4, 64))})
    with ClipCache(tmp_path / "whole", "uint8") as store:
        store.put({f"clip|{n}": store.encode(clip) for n, clip in enumerate(clips)})
    done = subprocess.run(
        [sys.executable, "-c", DAMAGE, str(tmp_path), "40"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    counts = json.loads(done.stdout)
    assert counts["other"] == 0
    assert counts["missing"] > 0
    assert sum(counts.values()) == 40


def test_an_entry_under_another_key_is_not_believed(tmp_path):
    with FeatureCache(tmp_path) as store:
        store.put({"features|a": np.arange(3)})
        with sqlite3.connect(tmp_path / NAME) as database:
            database.execute("UPDATE entries SET key = ?", (b"features|b",))
        assert store.get("features|b") is None


def test_what_can_be_read_of_a_damaged_file_is_kept(tmp_path, capsys):
    arrays = {f"features|{n}": np.full(5000, n) for n in range(40)}
    with FeatureCache(tmp_path) as store:
        store.put(arrays)
    content = bytearray((tmp_path / NAME).read_bytes())
    index = content.index(b"features|39")  # the first place is the index of the keys
    page = index - index % 16384
    content[page : page + 8] = b"\xff" * 8
    (tmp_path / NAME).write_bytes(content)
    with FeatureCache(tmp_path) as store:
        store.put({"features|new": np.arange(3)})
        assert all(np.array_equal(store.get(key), array) for key, array in arrays.items())
    assert "was damaged; 40 entries" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_a_read_only_cache_is_read(tmp_path, monkeypatch):
    with FeatureCache(tmp_path / "cache") as store:
        store.put({"features|a": np.arange(3)})
    video = tmp_path / "a.avi"
    video.write_bytes(b"bytes")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    with FeatureCache(tmp_path / "cache") as store:
        assert np.array_equal(store.get("features|a"), np.arange(3))
        assert len(store.video_digest(video)) == 32
        with pytest.raises(TransNetError, match="read-only and lacks entries"):
            store.put({"features|b": np.arange(3)})
    with pytest.raises(TransNetError, match="read-only, and holds no entries"):
        FeatureCache(tmp_path / "empty")


def test_devices_are_no_videos_and_names_are_any_bytes(tmp_path):
    with FeatureCache(tmp_path / "cache") as store:
        with pytest.raises(VideoError, match="is not a file"):
            store.video_digest("/dev/zero" if os.path.exists("/dev/zero") else tmp_path)
        odd = tmp_path / os.fsdecode(b"caf\xe9.avi")
        try:
            odd.write_bytes(b"x")
        except (OSError, UnicodeError):
            return  # this file system takes UTF-8 only
        assert store.video_digest(odd)


def test_a_video_that_changed_in_place_has_another_digest(tmp_path):
    video = tmp_path / "a.avi"
    video.write_bytes(b"before")
    status = os.stat(video)
    with FeatureCache(tmp_path / "cache") as store:
        digest = store.video_digest(video)
        video.write_bytes(b"after!")
        os.utime(video, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert os.name == "nt" or store.video_digest(video) != digest
