"""Whether each action has a place of its own, and what a training makes of it."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import transnet
from tests.helpers import TINY_BACKBONE
from transnet.data.video.writer import write_video
from transnet.model.cue_weights import (
    WEIGHTS,
    WEIGHTS_IN_OWN_PLACES,
    prior_of,
    shares_of_cues,
)
from transnet.model.places import own_places

PEOPLE, ACTIONS, TAKES = 4, 3, 2


def described(place_of, *, spread=0.1):
    """Unit vectors of the takes of each person in each action, which show little but the place."""
    random = torch.Generator().manual_seed(0)
    places = torch.eye(PEOPLE * ACTIONS)
    rows = [(p, a) for p in range(PEOPLE) for a in range(ACTIONS) for _ in range(TAKES)]
    clips = torch.stack([places[place_of(person, action)] for person, action in rows])
    clips = clips + spread * torch.randn(clips.shape, generator=random)
    labels = [action for _, action in rows]
    groups = [f"person {person}" for person, _ in rows]
    return torch.nn.functional.normalize(clips, dim=1), labels, groups


def each_clip_its_own(clips, labels, groups):
    return clips, labels, [f"{group} {number}" for number, group in enumerate(groups)]


def test_a_place_for_each_action_is_found():
    assert own_places(*described(lambda person, action: action)) == 1


@pytest.mark.parametrize(
    "place_of",
    [
        lambda person, action: 0,
        lambda person, action: person,
        lambda person, action: person * ACTIONS + action,
        lambda person, action: (person + action) % ACTIONS,
    ],
    ids=["one for all", "one for each person", "one for each clip", "exchanged"],
)
def test_other_places_are_not_those_of_an_action(place_of):
    assert own_places(*described(place_of)) == 0


def test_takes_of_one_recording_are_not_places_of_an_action():
    in_many_places = described(lambda person, action: person * ACTIONS + action)
    assert own_places(*in_many_places) == 0
    assert own_places(*each_clip_its_own(*in_many_places)) == 0.5  # nobody named the groups


def test_a_few_clips_elsewhere_change_nothing():
    clips, labels, groups = described(lambda person, action: action)
    for number in (0, TAKES * ACTIONS + 2):
        clips[number] = torch.nn.functional.one_hot(torch.tensor(11), PEOPLE * ACTIONS)
    assert own_places(clips, labels, groups) == 1


@pytest.mark.parametrize(("first", "second"), [(100, 100), (600, 60), (1000, 20)])
def test_an_action_of_many_clips_has_no_place_for_that(first, second):
    random = torch.Generator().manual_seed(0)
    clips = torch.randn(first + second, 5, generator=random)
    clips = torch.nn.functional.normalize(clips, dim=1)
    labels = first * [0] + second * [1]
    assert own_places(clips, labels, [str(number // 2) for number in range(len(labels))]) == 0


def test_clips_that_all_look_the_same_have_no_places():
    clips = torch.nn.functional.normalize(torch.rand(1, 1024), dim=1).expand(24, -1)
    clips = clips + 1e-7 * torch.randn(clips.shape, generator=torch.Generator().manual_seed(0))
    labels, groups = 12 * [0, 1], [str(number // 4) for number in range(24)]
    assert own_places(torch.nn.functional.normalize(clips, dim=1), labels, groups) == 0


def test_clips_of_one_group_or_of_actions_with_a_group_each_tell_nothing():
    clips, labels, groups = described(lambda person, action: action)
    assert own_places(clips, labels, ["one"] * len(groups)) == 0
    assert own_places(clips, labels, [f"group {label}" for label in labels]) == 0


@given(st.integers(1, 30), st.integers(1, 4), st.integers(1, 5), st.integers(0, 99))
def test_any_clips_give_a_share_whatever_their_order(count, kinds, people, seed):
    random = torch.Generator().manual_seed(seed)
    clips = torch.nn.functional.normalize(torch.randn(count, 6, generator=random), dim=1)
    labels = [number % kinds for number in range(count)]
    groups = [str(number % people) for number in range(count)]
    found = own_places(clips, labels, groups)
    assert 0 <= found <= 1
    order = torch.randperm(count, generator=random).tolist()
    shuffled = [labels[i] for i in order], [groups[i] for i in order]
    assert own_places(clips[order], *shuffled) == pytest.approx(found, abs=1e-3)


def test_flow_counts_more_the_surer_the_places_are():
    none, some, sure = map(prior_of, (0, 0.5, 1))
    assert none.weights == WEIGHTS
    assert none.weights["flow"] < some.weights["flow"] < sure.weights["flow"]
    assert none.clips < some.clips < sure.clips
    assert sure.weights == WEIGHTS_IN_OWN_PLACES


@pytest.fixture(
    params=[
        ("own", "auto", 1.0),
        ("shared", "auto", 0.0),
        ("own", "shared", 0.0),
        ("shared", "own", 1.0),
    ]
)
def trained(request, tmp_path, capsys):
    """A run on clips of a square that moves left or right, before two places; what it said."""
    kind, places, _ = request.param
    rng = np.random.default_rng(0)
    scenes = [rng.integers(0, 2, (8, 8, 3)).repeat(8, 0).repeat(8, 1) * 200 for _ in range(2)]
    for person in range(4):
        for action, step in enumerate((-3, 3)):
            frames = []
            for number in range(12):
                frame = scenes[action if kind == "own" else person % 2].astype(np.uint8)
                left = 28 + step * (number - 6) + person
                frame[20 + person : 30 + person, left : left + 8] = 60 * person + 30
                frames.append(frame)
            folder = tmp_path / "clips" / ("left", "right")[action]
            folder.mkdir(parents=True, exist_ok=True)
            write_video(folder / f"person{person}_{action}.mp4", frames, Fraction(12))
    table = ["path,label,group,split"]
    for path in sorted((tmp_path / "clips").rglob("*.mp4")):
        person = path.stem.partition("_")[0]
        part = "test" if person == "person3" else "train"
        table.append(f"{path},{path.parent.name},{person},{part}")
    (tmp_path / "clips.csv").write_text("\n".join(table))
    run = transnet.train(
        str(tmp_path / "clips.csv"),
        out=str(tmp_path / "run"),
        backbone=TINY_BACKBONE,
        weights="none",
        clip=transnet.ClipConfig(frames=4, size=64),
        training=transnet.TrainingConfig(epochs=1, views=1, validation=0.0, places=places),
        cache=str(tmp_path / "cache"),
    )
    return request.param, transnet.load(run), capsys.readouterr().err


def test_a_training_lets_flow_count_more_where_each_action_has_a_place(trained):
    (kind, places, own), recognizer, said = trained
    assert ("a place of its own" in said) == (kind == "own" and places == "auto")
    prior = prior_of(own).weights
    expected = shares_of_cues(recognizer.model.cues, prior)
    assert recognizer.model.scoring.cue_weights == pytest.approx(expected, abs=1e-4)
