"""How much each cue counts: learned from validation clips, stored, and applied everywhere."""

import json
import math
import shutil

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import transnet
from transnet import TransNetError
from transnet.checkpoints.run import load_model, load_run_info, save_model
from transnet.model.cue_weights import (
    WEIGHTS,
    best_weights,
    prior_of,
    shares_of_cues,
)
from transnet.model.scoring import OneLabel, SeveralLabels

CUES = ("appearance", "fine_change", "flow")
PRIOR = {cue: WEIGHTS[cue] / sum(WEIGHTS[each] for each in CUES) for cue in CUES}
probabilities = st.lists(st.tuples(*3 * [st.floats(0, 1)]), max_size=12)


def columns(rows) -> dict[str, torch.Tensor]:
    values = torch.tensor(rows, dtype=torch.float64).reshape(-1, len(CUES))
    return dict(zip(CUES, values.T, strict=True))


def posterior(weights, given, prior) -> float:
    """The logarithm of the probability of the weights, but for a summand."""
    mixed = sum(weights[cue] * given[cue] for cue in CUES)
    before = shares_of_cues(CUES, prior.weights)
    of_prior = sum(prior.clips * before[cue] * math.log(weights[cue]) for cue in CUES)
    return of_prior + float(mixed.clamp(min=1e-300).log().sum())


@given(probabilities, st.tuples(*3 * [st.floats(0.01, 1)]), st.floats(0, 1))
def test_no_weights_are_more_probable(rows, others, own_places):
    prior = prior_of(own_places)
    found = best_weights(columns(rows), prior)
    assert sum(found.values()) == pytest.approx(1)
    assert min(found.values()) > 0
    possible = [row for row in rows if max(row) > 1e-6]  # others say nothing of the weights
    other = {cue: share / sum(others) for cue, share in zip(CUES, others, strict=True)}
    given = columns(possible)
    best = posterior(best_weights(given, prior), given, prior)
    assert best >= posterior(other, given, prior) - 1e-4


def test_without_clips_they_are_the_prior():
    assert best_weights(columns([]), prior_of(0.0)) == pytest.approx(PRIOR)


def test_in_places_of_their_own_it_does_not_count_how_sure_a_right_cue_is():
    labels = torch.arange(400) % 4
    truth = torch.nn.functional.one_hot(labels, 4).float()
    logits = {"appearance": 9 * truth, "fine_change": 3 * truth, "flow": 0.5 * truth}
    for own_places, first in ((1.0, "flow"), (0.0, "appearance")):
        scoring = OneLabel()
        scoring.expect_places(own_places)
        scoring.calibrate(logits, labels)
        assert max(scoring.cue_weights, key=scoring.cue_weights.__getitem__) == first
        if own_places:
            expected = shares_of_cues(CUES, prior_of(1.0).weights)
            assert scoring.cue_weights == pytest.approx(expected)


def test_in_places_of_their_own_few_clips_about_which_flow_is_wrong_leave_it_first():
    labels = torch.arange(20) % 4
    truth = torch.nn.functional.one_hot(labels, 4).float()
    seen = torch.where((labels < 3)[:, None], truth, truth.roll(1, 1))
    scoring = OneLabel()
    scoring.expect_places(1.0)
    scoring.calibrate({"appearance": 9 * truth, "fine_change": truth, "flow": 3 * seen}, labels)
    assert scoring.cue_weights["flow"] > 0.8


def test_in_places_of_their_own_a_cue_that_is_wrong_loses_weight():
    labels = torch.arange(4000) % 4
    truth = torch.nn.functional.one_hot(labels, 4).float()
    logits = {"appearance": 9 * truth, "fine_change": 3 * truth, "flow": 3 * truth.roll(1, 1)}
    scoring = OneLabel()
    scoring.expect_places(1.0)
    scoring.calibrate(logits, labels)
    assert scoring.cue_weights["flow"] < 0.1


def test_more_clips_move_them_further():
    row = (0.2, 0.9, 0.2)
    few, many = (
        best_weights(columns(count * [row]), prior_of(0.0))["fine_change"] for count in (4, 400)
    )
    assert PRIOR["fine_change"] < few < 0.5 < many


def test_they_are_learned_for_one_label_and_for_several():
    torch.manual_seed(0)
    labels = torch.arange(60) % 3
    truth = torch.nn.functional.one_hot(labels, 3).float()
    logits = {"flow": torch.randn(60, 3), "fine_change": 6 * truth - 3}
    for scoring, targets in ((OneLabel(), labels), (SeveralLabels(3), truth)):
        scoring.calibrate(logits, targets)
        assert scoring.cue_weights["fine_change"] > 0.6
        assert scoring.score(scoring.join(logits), targets) == 1
    alone = OneLabel()
    alone.calibrate({"flow": logits["flow"]}, labels)
    assert alone.cue_weights is WEIGHTS


@pytest.fixture
def flow_alone(trained_run, tmp_path):
    """The trained run, of which flow alone counts."""
    recognizer = transnet.load(trained_run)
    cues = recognizer.model.cues
    recognizer.model.scoring.cue_weights = {cue: float(cue == "flow") for cue in cues}
    recognizer.model.temperature = 1.0
    run = recognizer.save(tmp_path / "flow")
    shutil.copy(trained_run / "clips.csv", run)  # an export is checked on its clips
    return run


def test_they_are_applied_to_predictions_and_exports(flow_alone, tmp_path, make_video):
    video = make_video("clip.mp4", 40)
    recognizer = transnet.load(flow_alone)
    clip = transnet.read_clip(video, recognizer.info.clip)
    with torch.inference_mode():
        encoded = recognizer.model.encode_cues(recognizer.normalized(clip.frames)[None])
        expected = recognizer.model.cue_logits(encoded)["flow"].softmax(dim=1)[0].tolist()
    found = recognizer.predict(video).scores
    assert [found[label] for label in recognizer.classes] == pytest.approx(expected, abs=1e-5)

    pytest.importorskip("onnx")
    from transnet.deploy.export import export

    exported = transnet.load(export(flow_alone, out=str(tmp_path / "exported")))
    assert exported.predict(video).scores == pytest.approx(dict(found), abs=1e-4)


def test_a_training_learns_them_and_an_earlier_run_has_the_prior(trained_run, tmp_path):
    weights = trained_run / "model.safetensors"
    with safe_open(weights, framework="numpy") as file:
        learned = json.loads(file.metadata()["cue_weights"])
    model = transnet.load(trained_run).model
    assert model.scoring.cue_weights == learned
    assert sum(learned.values()) == pytest.approx(1)
    assert learned != pytest.approx(shares_of_cues(model.cues, WEIGHTS), abs=1e-4)
    old = shutil.copytree(trained_run, tmp_path / "old")
    save_file(load_file(weights), old / "model.safetensors")
    assert transnet.load(old).model.scoring.cue_weights == WEIGHTS


def test_weights_that_cannot_be_right_are_refused(flow_alone):
    model = load_model(flow_alone, load_run_info(flow_alone))
    for wrong in ({"flow": -1.0}, {"flow": math.nan}):
        model.scoring.cue_weights = {**WEIGHTS, **wrong}
        save_model(flow_alone, model)
        with pytest.raises(TransNetError, match="the weights of its cues are"):
            transnet.load(flow_alone)


def test_a_cue_without_a_weight_counts_one():
    assert shares_of_cues(["flow", "new"], {"flow": 3.0}) == {"flow": 0.75, "new": 0.25}
