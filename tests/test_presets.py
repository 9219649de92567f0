import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import timm
import torch
import yaml

import transnet
from tests.helpers import TINY_BACKBONE
from transnet.checkpoints.backbone_weights import find_weights
from transnet.cli import PRESETS, main
from transnet.config import Cues
from transnet.data.preprocessing import normalize
from transnet.deploy.graphs import MAPS, graphs_of

FOLDER = Path(transnet.__file__).with_name("presets")
SMALL = ["--weights", "none", "--frames", "4", "--size", "64", "--epochs", "1", "--views", "1"]


def settings(name):
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text())


def test_each_preset_has_a_file_and_a_row_in_the_docs():
    assert sorted(path.stem for path in FOLDER.iterdir()) == sorted(PRESETS)
    table = Path("docs/presets.md").read_text()
    for name in PRESETS:
        assert f"| `{name}` | `{settings(name)['backbone']}` |" in table


def test_options_count_more_than_the_preset(clips_folder, tmp_path):
    words = ["train", str(clips_folder), "--out", str(tmp_path / "run"), *SMALL]
    assert main([*words, "--backbone", TINY_BACKBONE, "--preset", "paper"]) == 0
    record = json.loads((tmp_path / "run/transnet.json").read_text())
    assert record["backbone"] == TINY_BACKBONE
    assert record["model"]["readout"] == "flatten"
    assert record["model"]["cues"] == "appearance"


def test_unknown_presets_and_commands_without_them(tmp_path, capsys):
    assert main(["train", "clips", "--out", str(tmp_path / "run"), "--preset", "quick"]) == 1
    said = capsys.readouterr().err
    assert "--preset is 'quick'; accepted: fast, balanced, accurate, paper." in said
    assert main(["predict", "run", "clip.mp4", "--preset", "fast"]) == 2
    assert "there is no option --preset" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_a_network_that_exports(name):
    """With random weights: the published ones are downloaded by users."""
    chosen = settings(name)
    assert timm.get_pretrained_cfg(chosen["backbone"]).license == "apache-2.0"
    weights = find_weights("none", chosen["backbone"])
    cues: Cues = chosen.get("cues", "both")
    model = transnet.TransNet(
        weights.backbone.name, 3, num_frames=2, cues=cues, readout=chosen.get("readout", "pool")
    ).eval()
    mean, std = weights.backbone.mean, weights.backbone.std
    frames = np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3), np.uint8)
    graph = graphs_of(model, mean, std, 224).encoder
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    features, *maps = session.run(None, {"frames": frames})
    with torch.inference_mode():
        encoded = model.spatial.encode(torch.from_numpy(normalize(frames, mean, std)))
        expected = model.spatial.readout(encoded).numpy()
    size = np.abs(expected).max()  # random weights may give any
    assert features / size == pytest.approx(expected / size, abs=1e-4)
    assert len(maps) == (0 if cues == "appearance" else len(MAPS))
