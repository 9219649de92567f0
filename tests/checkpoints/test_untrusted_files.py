"""A weights file, a run folder, a segmenter: data, whatever they name."""

import json
import shutil

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

import transnet
from transnet import TransNetError
from transnet.checkpoints.backbone_weights import find_weights
from transnet.model.backbone import Backbone

HOSTILE = [
    {"checkpoint_path": "evil.pth"},
    {"pretrained": True, "pretrained_cfg_overlay": {"url": "http://127.0.0.1:9/x"}},
    {"pretrained_cfg": "x"},
    {"cache_dir": "elsewhere"},
    {"features_only": True},
    {"bn_eps": {"nested": 1}},
    {"act_layer": "no such layer"},
    {"img_size": 10**12},
    [1],
    "text",
    None,
]


@pytest.fixture
def opened(monkeypatch):
    """What torch and timm were asked to open."""
    seen = []
    monkeypatch.setattr(torch, "load", lambda *a, **k: seen.append(a))
    monkeypatch.setattr(timm.models._builder, "load_pretrained", lambda *a, **k: seen.append(a))
    monkeypatch.setattr(timm.models._factory, "load_checkpoint", lambda *a, **k: seen.append(a))
    return seen


@pytest.mark.parametrize("args", HOSTILE)
def test_arguments_of_a_weights_file_are_an_allowed_list(tmp_path, args, opened):
    path = tmp_path / "evil.safetensors"
    metadata = {"timm_model": "test_resnet.r160_in1k", "timm_args": json.dumps(args)}
    metadata.update(mean="[0.5, 0.5, 0.5]", std="[0.5, 0.5, 0.5]")
    save_file({"x": torch.zeros(1)}, path, metadata)
    with pytest.raises(TransNetError):
        found = find_weights(path)
        found.load_into(Backbone(found.backbone.name, size=64, args=found.backbone.args))
    assert not opened


@pytest.mark.parametrize("args", HOSTILE)
def test_arguments_of_a_run_are_an_allowed_list(tmp_path, trained_run, args, opened):
    run = shutil.copytree(trained_run, tmp_path / "run")
    record = json.loads((run / "transnet.json").read_text())
    (run / "transnet.json").write_text(json.dumps({**record, "backbone_args": args}))
    with pytest.raises(TransNetError):
        transnet.load(run)
    assert not opened


@pytest.mark.parametrize("args", HOSTILE)
def test_arguments_of_a_segmenter_are_an_allowed_list(tmp_path, pretrained, args, opened):
    run = shutil.copytree(pretrained, tmp_path / "run")
    record = json.loads((run / "segmenter.json").read_text())
    (run / "segmenter.json").write_text(json.dumps({**record, "backbone_args": args}))
    with pytest.raises(TransNetError):
        transnet.load_segmenter(run)
    assert not opened


def test_pretrained_is_never_taken_from_arguments():
    with pytest.raises(TransNetError, match="pretrained"):
        Backbone("test_resnet.r160_in1k", size=64, args={"pretrained": True})


@pytest.mark.parametrize(
    "changed",
    [
        {"classes": ["jump", "jump"]},
        {"classes": "ab"},
        {"classes": [1, 2]},
        {"classes": []},
        {"std": [0, 0, 0]},
        {"std": [float("nan")] * 3},
        {"mean": []},
        {"mean": [[0.5]] * 3},
        {"backbone": 3},
        {"backbone": "hf-hub:timm/resnet18"},
        {"backbone": "local-dir:/"},
        {"format": []},
        {"clip": [1]},
    ],
)
def test_a_record_that_cannot_be_right_is_refused_by_name(tmp_path, trained_run, changed):
    run = shutil.copytree(trained_run, tmp_path / "run")
    record = json.loads((run / "transnet.json").read_text())
    (run / "transnet.json").write_text(json.dumps({**record, **changed}))
    with pytest.raises(TransNetError):
        transnet.load(run)


def test_deeply_nested_json_is_refused(tmp_path, trained_run):
    run = shutil.copytree(trained_run, tmp_path / "run")
    (run / "transnet.json").write_text("[" * 100_000)
    with pytest.raises(TransNetError, match=r"transnet\.json"):
        transnet.load(run)


def test_photos_have_named_formats(tmp_path, monkeypatch):
    from PIL import EpsImagePlugin

    from transnet.data.photos.image_files import read_picture
    from transnet.errors import PhotoError

    def ran(*_args, **_kwargs):
        raise AssertionError("Ghostscript was run")

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", ran)
    for name, text in (("eps.png", "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"),):
        (tmp_path / name).write_text(text)
        with pytest.raises(PhotoError, match="not a picture"):
            read_picture(tmp_path / name)


def test_polygons_have_a_limit(tmp_path):
    from transnet.data.photos.supervisely import read_annotation
    from transnet.errors import PhotoError

    corners = np.random.default_rng(0).integers(0, 900, (200_000, 2)).tolist()
    item = {"classTitle": "person_poly", "points": {"exterior": corners, "interior": []}}
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"size": {"height": 900, "width": 900}, "objects": [item]}))
    with pytest.raises(PhotoError, match="corners"):
        read_annotation(path)
