import json
from dataclasses import dataclass, replace

import pytest

import transnet
from transnet import TransNetError
from transnet.checkpoints.backbone_record import BackboneRecord, flatten, gather
from transnet.checkpoints.run import load_run_info
from transnet.checkpoints.segmenter import load_segmenter_info
from transnet.deploy.export_info import read_export_info

RECORD = BackboneRecord(
    name="resnet18",
    args={"bn_eps": 0.5},
    mean=(0.1, 0.2, 0.3),
    std=(0.4, 0.5, 0.6),
    weights="resnet18.safetensors",
    pretraining="imagenet",
    license="MIT",
    digest="0123",
)


@dataclass(frozen=True)
class Info:
    before: int
    backbone: BackboneRecord
    after: int


def test_files_are_flat():
    values = flatten(Info(1, RECORD, 2))
    assert values == {
        "before": 1,
        "backbone": "resnet18",
        "backbone_args": {"bn_eps": 0.5},
        "mean": (0.1, 0.2, 0.3),
        "std": (0.4, 0.5, 0.6),
        "weights": "resnet18.safetensors",
        "pretraining": "imagenet",
        "license": "MIT",
        "weights_digest": "0123",
        "after": 2,
    }
    assert gather(json.loads(json.dumps(values)))["backbone"] == RECORD


def test_what_older_files_lack_is_unknown():
    values = {"backbone": "resnet18", "mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]}
    found = gather(values)["backbone"]
    assert found == replace(
        RECORD, args={}, weights="unknown", pretraining="unknown", license="unknown", digest=""
    )


def test_the_files_of_a_run_keep_their_keys(trained_run, pretrained, exported):
    keys = {"backbone", "mean", "std", "pretraining"}
    for path in (
        trained_run / "transnet.json", pretrained / "segmenter.json", exported / "export.json",
    ):  # fmt: skip
        assert keys <= set(json.loads(path.read_text()))
    for path in (trained_run / "transnet.json", pretrained / "segmenter.json"):
        assert {"backbone_args", "weights", "weights_digest"} <= set(json.loads(path.read_text()))


def test_older_files_are_read(trained_run, pretrained, exported, tmp_path):
    run = json.loads((trained_run / "transnet.json").read_text())
    del run["license"], run["weights_digest"]
    (tmp_path / "transnet.json").write_text(json.dumps(run))
    info, now = load_run_info(tmp_path), load_run_info(trained_run)
    assert info == replace(now, backbone=replace(now.backbone, license="unknown", digest=""))

    shape = json.loads((pretrained / "segmenter.json").read_text())
    del shape["weights_digest"]
    (tmp_path / "segmenter.json").write_text(json.dumps(shape))
    assert load_segmenter_info(tmp_path) == load_segmenter_info(pretrained)

    model = json.loads((exported / "export.json").read_text())
    for key in ("backbone_args", "weights", "license", "weights_digest"):
        del model[key]
    info = read_export_info(json.dumps(model), "clip.onnx")
    assert (info.backbone.name, info.backbone.pretraining) == (run["backbone"], "none")


def test_a_file_without_a_backbone_is_refused(trained_run, tmp_path):
    values = json.loads((trained_run / "transnet.json").read_text())
    del values["backbone"]
    (tmp_path / "transnet.json").write_text(json.dumps(values))
    with pytest.raises(TransNetError, match="cannot be understood"):
        transnet.load(tmp_path)
