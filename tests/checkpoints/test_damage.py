"""Damaged runs, segmenters, exports: refused by name, or nothing has changed."""

import json
import math
import random
import shutil
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import transnet
from transnet import TransNetError
from transnet.checkpoints.backbone_weights import find_weights
from transnet.deploy import runtime
from transnet.inference.prediction import Prediction
from transnet.training.fit import _require_undamaged


def flipped(path: Path, seed: int, bits: int = 20) -> None:
    chance, content = random.Random(seed), bytearray(path.read_bytes())
    for _ in range(bits):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("bits", [1, 20])
def test_flipped_weights_are_refused_by_name(tmp_path, trained_run, seed, bits):
    run = shutil.copytree(trained_run, tmp_path / "run")
    flipped(run / "model.safetensors", seed, bits)
    with pytest.raises(TransNetError, match=r"model\.safetensors|transnet\.json"):
        transnet.load(run)


@pytest.mark.parametrize("name", ["encoder.safetensors", "decoder.safetensors"])
@pytest.mark.parametrize("seed", range(3))
def test_flipped_segmenters_are_refused_by_name(tmp_path, pretrained, name, seed):
    run = shutil.copytree(pretrained, tmp_path / "run")
    flipped(run / name, seed)
    with pytest.raises(TransNetError, match=r"safetensors|segmenter\.json"):
        transnet.load_segmenter(run)


def test_weights_without_a_digest_are_read_and_nan_is_refused(tmp_path, trained_run):
    run = shutil.copytree(trained_run, tmp_path / "run")
    path = run / "model.safetensors"
    state = load_file(path)
    save_file(state, path)
    transnet.load(run)
    name = next(name for name, value in state.items() if value.is_floating_point())
    state[name].view(-1)[0] = math.nan
    save_file(state, path)
    with pytest.raises(TransNetError, match="no numbers"):
        transnet.load(run)


def test_nan_is_no_prediction():
    with pytest.raises(TransNetError, match="damaged"):
        Prediction.of("a", ("x", "y"), [math.nan, 0.5], 0, 1)
    with pytest.raises(TransNetError, match="2 classes"):
        Prediction.of("a", ("x", "y"), [0.2, 0.3, 0.5], 0, 1)


def test_a_changed_record_is_refused_by_name(tmp_path, trained_run):
    run = shutil.copytree(trained_run, tmp_path / "run")
    record = json.loads((run / "transnet.json").read_text())
    for changed in (
        {"classes": record["classes"][::-1]},
        {"mean": [0.4, 0.5, 0.5]},
        {"clip": {**record["clip"], "sampling": "stride"}},
        {"step_s": record["step_s"] + 1},
    ):
        (run / "transnet.json").write_text(json.dumps({**record, **changed}))
        with pytest.raises(TransNetError, match=r"transnet\.json does not belong"):
            transnet.load(run)


@pytest.mark.parametrize("keep", [0.3, 0.6])
def test_a_cut_list_of_clips_is_refused_by_name(tmp_path, trained_run, keep):
    run = shutil.copytree(trained_run, tmp_path / "run")
    clips = (run / "clips.csv").read_bytes()
    (run / "clips.csv").write_bytes(clips[: int(keep * len(clips))])
    with pytest.raises(TransNetError, match=r"clips\.csv"):
        transnet.evaluate(run)


@pytest.mark.parametrize("seed", range(5))
def test_flipped_exports_are_refused_by_name(tmp_path, exported, seed):
    folder = shutil.copytree(exported, tmp_path / "exported")
    flipped(folder / "clip.onnx", seed, 1)
    with pytest.raises(TransNetError, match=r"clip\.onnx"):
        runtime.load(folder)


@pytest.mark.parametrize(
    "text", ["", "[", "[]", "[" * 10**5, '{"digests": 3}', '{"digests": {"clip.onnx": 1}}']
)
def test_a_damaged_export_record_is_refused_by_name(tmp_path, exported, text):
    folder = shutil.copytree(exported, tmp_path / "exported")
    (folder / "export.json").write_text(text)
    with pytest.raises(TransNetError, match=r"export\.json"):
        runtime.load(folder)


@pytest.mark.parametrize("seed", range(5))
def test_flipped_checkpoints_are_refused_by_name(tmp_path, seed):
    path = tmp_path / "last.ckpt"
    torch.save({"state": torch.randn(2000)}, path)
    _require_undamaged(path)
    content = bytearray(path.read_bytes())
    content[3000 + 100 * seed] ^= 1
    path.write_bytes(content)
    with pytest.raises(TransNetError, match=r"last\.ckpt is missing or damaged"):
        _require_undamaged(path)


def test_the_metadata_of_an_encoder_is_part_of_its_digest(tmp_path, pretrained):
    path = tmp_path / "encoder.safetensors"
    source = pretrained / "encoder.safetensors"
    with safe_open(source, framework="pt") as file:
        metadata = {**file.metadata(), "std": "[0.9, 0.9, 0.9]"}
    save_file(load_file(source), path, metadata)
    with pytest.raises(TransNetError, match="digest"):
        find_weights(path)


@pytest.mark.parametrize("version", [None, 4])
def test_a_run_with_other_cues_of_motion_is_refused(tmp_path, trained_run, version):
    run = shutil.copytree(trained_run, tmp_path / "run")
    record = json.loads((run / "transnet.json").read_text())
    assert record["model"]["cues"] == "both"
    del record["motion_version"]
    if version:
        record["motion_version"] = version
    (run / "transnet.json").write_text(json.dumps(record))
    with pytest.raises(TransNetError, match="of the cues of motion.*train it again"):
        transnet.load(run)
