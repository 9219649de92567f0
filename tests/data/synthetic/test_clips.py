import numpy as np
import pytest

from transnet.data.datasets.catalog import open_dataset
from transnet.data.synthetic.clips import (
    random_background,
    random_person,
    render_clip,
    write_dataset,
)
from transnet.data.synthetic.figure import ACTIONS


@pytest.mark.parametrize("action", ACTIONS)
def test_a_mask_is_where_the_person_is(action):
    rng = np.random.default_rng(1)
    background = random_background(rng)
    frames, masks = render_clip(
        action, random_person(rng), rng, num_frames=6, background=background
    )
    assert frames.shape == (6, 240, 320, 3)
    assert masks.shape == (6, 240, 320)
    assert 0.02 < masks.mean() < 0.3
    difference = np.abs(frames.astype(int) - np.asarray(background).astype(int)).max(axis=-1)
    assert (difference[~masks] <= 8).mean() > 0.98  # outside is the background and its grain


@pytest.mark.parametrize("action", ACTIONS)
def test_people_move(action):
    rng = np.random.default_rng(2)
    _, masks = render_clip(action, random_person(rng), rng, num_frames=10)
    assert all((masks[i] != masks[i + 1]).sum() > 20 for i in range(9))


def test_actions_differ_in_more_than_chance():
    person = random_person(np.random.default_rng(0))
    shapes = [
        render_clip(action, person, np.random.default_rng(5), num_frames=4)[1] for action in ACTIONS
    ]
    for first in range(len(shapes)):
        for second in range(first):
            assert (shapes[first] != shapes[second]).mean() > 0.003


def test_equal_seeds_write_equal_clips(tmp_path):
    folders = [
        write_dataset(tmp_path / name, people=2, clips=1, seed=seed, num_frames=4)
        for name, seed in (("a", 3), ("b", 3), ("c", 4))
    ]
    videos = [[path.read_bytes() for path in sorted(folder.rglob("*.avi"))] for folder in folders]
    assert len(videos[0]) == 12
    assert videos[0] == videos[1]
    assert not set(videos[0]) & set(videos[2])


def test_people_are_groups(clips_folder):
    manifest = open_dataset(clips_folder)
    assert len(manifest.clips) == 30
    assert {clip.group for clip in manifest.clips} == {f"person0{n}" for n in range(1, 6)}
