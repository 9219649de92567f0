import csv
import shutil

import numpy as np
import pytest
import torch

import transnet
from transnet.evaluation.evidence import still


@pytest.fixture
def run(trained_run, tmp_path):
    """A copy that a test may write into."""
    return shutil.copytree(trained_run, tmp_path / "run")


def labeled(run):
    with open(run / "predictions.csv", newline="") as file:
        return [(row["path"], row["label"]) for row in csv.DictReader(file)]


def test_each_cue_and_a_still_are_measured_on_the_same_clips(run, capsys):
    evidence = transnet.evaluate(run).evidence
    recognizer = transnet.load(run, unknown="off")
    hits = dict.fromkeys([*recognizer.model.cues, "still"], 0)
    for path, label in labeled(run):
        clip = transnet.read_clip(path, recognizer.info.clip)
        pixels = recognizer.normalized(clip.frames)[None]
        with torch.inference_mode():
            logits = recognizer.model.cue_logits(recognizer.model.encode_cues(pixels))
            at_rest = recognizer.model.encode_cues(pixels[:, [2] * len(clip.frames)])
            logits["still"] = recognizer.model.cue_logits(at_rest)["appearance"]
        for name, scores in logits.items():
            hits[name] += recognizer.classes[int(scores.argmax())] == label
    measured = {**evidence.cues, "still": evidence.still}
    assert measured == {name: count / 6 for name, count in hits.items()}
    said = f"middle change alone {evidence.cues['middle_change']:.1%}, moving appearance alone"
    assert said in capsys.readouterr().err
    page = (run / "report.html").read_text()
    assert "What the predictions rest on" in page and "a still (the middle frame)" in page


@pytest.mark.parametrize("readout", ["pool", "flatten"])
def test_a_still_from_features_is_one_of_pixels(readout):
    model = transnet.TransNet(
        "test_efficientnet.r160_in1k", 3, num_frames=4, size=64, readout=readout
    ).eval()
    clips = torch.from_numpy(np.random.default_rng(0).random((2, 4, 3, 64, 64), np.float32))
    with torch.inference_mode():
        found = still(model.encode_cues(clips)).frames
        wanted = model.encode_cues(clips[:, [2] * 4]).frames
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)
