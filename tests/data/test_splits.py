import statistics
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transnet.data.datasets.catalog import open_dataset
from transnet.data.manifest import ClipRecord, Manifest
from transnet.data.splits import leaked_share, make_split, split_names
from transnet.errors import TransNetError


def manifest_of(groups_per_class: int, clips_per_group: int, classes: int = 3, shared_groups=False):
    clips = [
        ClipRecord(Path(f"{label}/{group}/{clip}.avi"), f"class{label}",
                   f"person{group}" if shared_groups else f"class{label}_g{group}")
        for label in range(classes)
        for group in range(groups_per_class)
        for clip in range(clips_per_group)
    ]  # fmt: skip
    return Manifest("made up", tuple(clips))


shapes = {
    "groups_per_class": st.integers(2, 12),
    "clips_per_group": st.integers(1, 6),
    "classes": st.integers(2, 5),
    "shared_groups": st.booleans(),
    "seed": st.integers(0, 1000),
}


@given(**shapes)
def test_group_split_keeps_groups_whole(
    groups_per_class, clips_per_group, classes, shared_groups, seed
):
    manifest = manifest_of(groups_per_class, clips_per_group, classes, shared_groups)
    split = make_split(manifest, "group", seed=seed)
    parts = [split.train, split.validation, split.test]
    assert sorted(clip for part in parts for clip in part) == sorted(manifest.clips)
    groups = [{clip.group for clip in part} for part in parts]
    assert not (groups[0] & groups[1] or groups[0] & groups[2] or groups[1] & groups[2])
    assert {clip.label for clip in split.train} == set(manifest.classes)
    assert split.siblings_in_train == 0


@given(**shapes)
def test_paper_split_is_stratified_and_leaks(
    groups_per_class, clips_per_group, classes, shared_groups, seed
):
    manifest = manifest_of(groups_per_class, clips_per_group, classes, shared_groups)
    split = make_split(manifest, "paper", seed=seed)
    per_class = groups_per_class * clips_per_group
    counts = Counter(clip.label for clip in split.test)
    assert set(counts.values()) == {max(1, round(0.2 * per_class))}
    assert set(split.train) | set(split.validation) | set(split.test) == set(manifest.clips)


def test_group_split_takes_about_a_fifth():
    split = make_split(manifest_of(25, 5), "group")
    assert len(split.test) == pytest.approx(0.2 * 375, abs=5)
    assert len(split.validation) == pytest.approx(0.15 * len(split.train + split.validation), abs=5)


def test_equal_seeds_make_equal_splits_and_others_do_not():
    manifest = manifest_of(10, 3)
    for name in ("group", "paper"):
        assert make_split(manifest, name, seed=3) == make_split(manifest, name, seed=3)
        assert make_split(manifest, name, seed=3) != make_split(manifest, name, seed=4)


def test_the_default_is_official_then_column_then_group():
    manifest = manifest_of(5, 2)
    assert make_split(manifest).name == "group"
    column = {clip: "test" if clip.group.endswith("0") else "train" for clip in manifest.clips}
    with_column = Manifest("made up", manifest.clips, {"column": column})
    assert make_split(with_column).name == "column"
    assert make_split(Manifest("x", manifest.clips, {"official:1": column})).name == "official:1"


@pytest.mark.parametrize("name", ["official", "official:4", "column", "grup", "paper:2",
                                  "leave-out:nobody"])  # fmt: skip
def test_unknown_splits_are_named_with_what_there_is(name):
    with pytest.raises(TransNetError, match=f"split is '{name}'.*has: group, leave-out:GROUP"):
        make_split(manifest_of(3, 2), name)


def test_leaving_out_each_group_tests_every_clip_once():
    manifest = manifest_of(4, 2, shared_groups=True)
    names = split_names(manifest, "leave-out:all")
    assert names == [f"leave-out:person{number}" for number in range(4)]
    splits = [make_split(manifest, name) for name in names]
    assert sorted(clip for split in splits for clip in split.test) == sorted(manifest.clips)
    for split in splits:
        assert len({clip.group for clip in split.test}) == 1
        assert split.siblings_in_train == 0
        assert not {c.group for c in split.test} & {c.group for c in split.validation}


def test_several_splits_by_name():
    manifest = manifest_of(4, 2)
    everything = dict.fromkeys(manifest.clips, "train")
    own = Manifest("own", manifest.clips, {f"official:{n}": everything for n in (1, 2)})
    assert split_names(own) == ["official:1"]
    assert split_names(own, "official") == ["official:1"]
    assert split_names(own, "official:all, paper,official:2") == [
        "official:1", "official:2", "paper"
    ]  # fmt: skip
    with pytest.raises(TransNetError, match="'official:3'; own has: official:all, official:1, "):
        split_names(own, "paper,official:3")
    with pytest.raises(TransNetError, match="split is 'official:all'"):
        split_names(manifest, "official:all")


def test_a_validation_part_of_the_data_set_is_kept_as_it_is():
    manifest = manifest_of(5, 2, shared_groups=True)
    parts = ("train", "train", "validation", "test", "unused")
    column = {clip: parts[int(clip.group[-1])] for clip in manifest.clips}
    split = make_split(Manifest("made up", manifest.clips, {"column": column}))
    assert split.gives_validation
    assert {clip.group for clip in split.validation} == {"person2"}
    assert {clip.group for clip in split.train} == {"person0", "person1"}


def test_a_class_of_one_group_cannot_be_tested_by_group():
    clips = (*manifest_of(1, 4).clips,)
    with pytest.raises(TransNetError, match="leaves no test clips"):
        make_split(Manifest("made up", clips), "group")


def test_siblings_share_counts_class_and_group():
    a, b, c = (ClipRecord(Path(f"{n}.avi"), "run", g) for n, g in enumerate("xxy"))
    other = ClipRecord(Path("4.avi"), "walk", "x")
    assert leaked_share([b, c], [a]) == 0.5
    assert leaked_share([b], [other]) == 0


@pytest.mark.parametrize(("number", "train", "test"), [(1, 337, 132), (2, 338, 131), (3, 341, 128)])
def test_official_ucf101_splits_share_no_group(shared, number, train, test):
    manifest = open_dataset(f"ucf101:{shared / 'data/ucf101'}")
    split = make_split(manifest, f"official:{number}")
    assert (len(split.train) + len(split.validation), len(split.test)) == (train, test)
    assert split.siblings_in_train == 0
    assert not {c.group for c in split.train} & {c.group for c in split.validation}


def test_the_official_lists_of_all_of_ucf101(tmp_path):
    manifest = open_dataset(f"ucf101:{tmp_path}", lists_only=True)
    assert len(manifest.clips) == 13_320
    assert len(manifest.classes) == 101
    sizes = [(9_537, 3_783), (9_586, 3_734), (9_624, 3_696)]
    splits = [make_split(manifest, name) for name in split_names(manifest, "official:all")]
    assert [(len(s.train) + len(s.validation), len(s.test)) for s in splits] == sizes
    assert all(split.siblings_in_train == 0 for split in splits)
    first = {*splits[0].train, *splits[0].validation}
    assert first.issuperset(splits[1].test)
    assert first.issuperset(splits[2].test)
    random = [make_split(manifest, "paper", seed=seed).siblings_in_train for seed in range(20)]
    assert statistics.mean(random) == pytest.approx(0.997, abs=0.002)


def test_the_official_lists_of_hmdb51(tmp_path):
    manifest = open_dataset(f"hmdb51:{tmp_path}", lists_only=True)
    assert (len(manifest.clips), len(manifest.classes)) == (6_766, 51)
    for name in split_names(manifest, "official:all"):
        split = make_split(manifest, name)
        assert (len(split.train) + len(split.validation), len(split.test)) == (3_570, 1_530)
        assert Counter(manifest.splits[name].values())["unused"] == 1_666
        assert {Counter(c.label for c in split.test)[label] for label in manifest.classes} == {30}
        assert split.siblings_in_train == 0
    random = [make_split(manifest, "paper", seed=seed).siblings_in_train for seed in range(20)]
    assert statistics.mean(random) == pytest.approx(0.83, abs=0.01)


def test_the_official_people_of_kth(tmp_path):
    manifest = open_dataset(f"kth:{tmp_path}", lists_only=True)
    assert (len(manifest.clips), len({clip.path for clip in manifest.clips})) == (2_391, 599)
    split = make_split(manifest)
    people = [{int(c.group[-2:]) for c in part} for part in
               (split.train, split.validation, split.test)]  # fmt: skip
    assert people == [
        set(range(11, 19)),
        {19, 20, 21, 23, 24, 25, 1, 4},
        {22, 2, 3, 5, 6, 7, 8, 9, 10},
    ]
    merged = make_split(manifest, "16-9")
    assert merged.test == split.test
    assert {*merged.train, *merged.validation} == {*split.train, *split.validation}


def test_the_papers_split_of_ucf101_leaks(shared):
    manifest = open_dataset(f"ucf101:{shared / 'data/ucf101'}")
    assert make_split(manifest, "paper").siblings_in_train > 0.95
