from pathlib import Path

import numpy as np
import pytest

from transnet.audit.duplicates import near_duplicates
from transnet.data.manifest import ClipRecord


@pytest.fixture
def clips():
    """Ten clips of two actions, each of its own group, and features that have nothing in common."""
    rng = np.random.default_rng(0)
    records = [
        ClipRecord(Path(f"{number}.avi"), "run" if number % 2 else "walk", f"group{number}")
        for number in range(10)
    ]
    return records, {record: rng.normal(size=(6, 32)) for record in records}


def test_a_clip_that_was_trimmed_and_copied_is_found(clips):
    records, features = clips
    train, test = records[:8], records[8:]
    features[test[0]] = features[train[2]][[0, 1, 1, 2, 3, 5]] + 0.05
    found = near_duplicates(train, test, features)
    assert [(pair.test, pair.train) for pair in found.alike] == [(test[0], train[2])]
    assert found.pairs[0].similarity > 0.8
    assert found.num_test == 2


def test_clips_of_one_group_are_known_to_be_alike(clips):
    records, features = clips
    sibling = ClipRecord(Path("sibling.avi"), records[2].label, records[2].group)
    features[sibling] = features[records[2]]
    found = near_duplicates(records[:8], [sibling], features)
    assert found.pairs[0].train != records[2]
    assert not found.alike


def test_nothing_to_compare(clips):
    records, features = clips
    assert near_duplicates([], records, features).pairs == ()
    same = [ClipRecord(r.path, "run", r.group) for r in records]
    found = near_duplicates(same[:8], same[8:], dict(zip(same, features.values(), strict=True)))
    assert found.limit is None
    assert found.alike == ()


def test_one_pair_of_two_groups_is_shown_once(clips):
    records, features = clips
    twin = ClipRecord(Path("twin.avi"), records[8].label, records[8].group)
    features[twin] = features[records[8]] = features[records[2]]
    found = near_duplicates(records[:8], [records[8], twin], features)
    assert len(found.alike) == 2
    assert len(found.distinct(10)) == 1
