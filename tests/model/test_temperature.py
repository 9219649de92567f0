"""The temperature of the logits: estimated, stored with the weights, and applied everywhere."""

import shutil

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import transnet
from transnet import TransNetError
from transnet.checkpoints.run import load_model, load_run_info, save_model
from transnet.evaluation.metrics import calibration
from transnet.model.temperature import best_temperature


def test_the_temperature_of_known_logits_is_found():
    rng = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(4000, 5, generator=rng)
    labels = torch.multinomial(logits.softmax(dim=1), 1, generator=rng)[:, 0]
    for scale in (0.5, 1.0, 2.5):
        assert best_temperature(scale * logits, labels) == pytest.approx(scale, rel=0.05)


def test_few_clips_move_it_a_little():
    logits = torch.tensor([[4.0, 0.0]])
    found = [
        best_temperature(logits.repeat(2 * half, 1), torch.tensor([0, 1] * half, dtype=torch.long))
        for half in (0, 1, 2, 5, 40)
    ]
    assert found[0] == 1
    assert found == sorted(found)
    assert 1 < found[1] < 2 < found[4]
    right = best_temperature(logits.repeat(4, 1), torch.zeros(4, dtype=torch.long))
    assert 0.5 < right < 1  # four right ones are no proof that all are


def test_probabilities_match_accuracy_better():
    rng = torch.Generator().manual_seed(1)
    logits = torch.randn(2000, 4, generator=rng)
    labels = torch.multinomial(logits.softmax(dim=1), 1, generator=rng)[:, 0]
    sharp = 3 * logits
    temperature = best_temperature(sharp[:1000], labels[:1000])
    before, after = (
        calibration((sharp[1000:] / t).softmax(dim=1), labels[1000:]).ece for t in (1, temperature)
    )
    assert before > 0.2
    assert after < 0.05


@pytest.fixture
def hot_run(trained_run, tmp_path):
    """The trained run with a temperature of 2."""
    recognizer = transnet.load(trained_run)
    recognizer.model.temperature = 2.0
    return recognizer.save(tmp_path / "hot")


def test_it_is_stored_and_applied_to_predictions_streams_and_exports(
    hot_run, trained_run, tmp_path, make_video
):
    video = make_video("clip.mp4", 40)
    cold, hot = transnet.load(trained_run), transnet.load(hot_run)
    assert hot.model.temperature == 2
    cold.model.temperature = 1.0
    clip = transnet.read_clip(video, hot.info.clip)
    pixels = cold.normalized(clip.frames)[None]
    with torch.no_grad():
        expected = (cold.model(pixels) / 2).softmax(dim=1)[0]
    scores = hot.predict(video).scores
    found = torch.tensor([scores[label] for label in hot.classes])
    torch.testing.assert_close(found, expected)
    assert max(scores.values()) < max(cold.predict(video).scores.values())

    stream = hot.stream_session(transnet.StreamConfig(step_s=0.1, smooth_s=0), name="x")
    picture = np.asarray(clip.frames[0])
    predictions = [stream.push(picture, index / 10) for index in range(6)]
    same = cold.stream_session(transnet.StreamConfig(step_s=0.1, smooth_s=0), name="x")
    others = [same.push(picture, index / 10) for index in range(6)]
    assert predictions[-1].score < others[-1].score

    pytest.importorskip("onnx")
    from transnet.deploy.export import export

    shutil.copy(trained_run / "clips.csv", hot_run)  # an export is checked on its clips
    exported = transnet.load(export(hot_run, out=str(tmp_path / "exported")))
    assert exported.predict(video).scores == pytest.approx(dict(scores), abs=1e-4)


def test_a_temperature_that_cannot_be_right_is_refused(hot_run):
    info = load_run_info(hot_run)
    model = load_model(hot_run, info)
    model.temperature = 0.0
    save_model(hot_run, model)
    with pytest.raises(TransNetError, match=r"its temperature is 0\.0"):
        transnet.load(hot_run)


def test_it_is_estimated_in_training_and_a_run_without_one_is_read(trained_run, tmp_path):
    weights = trained_run / "model.safetensors"
    with safe_open(weights, framework="numpy") as file:
        temperature = float(file.metadata()["temperature"])
    assert 0.3 < temperature < 3.3
    assert transnet.load(trained_run).model.temperature == temperature
    old = shutil.copytree(trained_run, tmp_path / "old")
    save_file(load_file(weights), old / "model.safetensors")
    assert transnet.load(old).model.temperature == 1
