"""Weights of others: torchvision's, timm's, prefixed, wrapped, from the hub; and none of these."""

import json

import pytest
import timm
import torch
import torchvision
from safetensors.torch import load_file, save_file

from tests.helpers import TINY_BACKBONE
from transnet import TransNet
from transnet.checkpoints.backbone_weights import find_weights
from transnet.cli import main
from transnet.errors import TransNetError
from transnet.model.backbone import Backbone


def arrived(found, frames):
    """What the backbone makes of frames with these weights."""
    backbone = Backbone(found.backbone.name, size=64, args=found.backbone.args)
    found.load_into(backbone)
    return backbone.eval()(frames)


@pytest.fixture
def tiny():
    torch.manual_seed(1)
    return timm.create_model(TINY_BACKBONE).eval()


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("mobilenet_v2", "mobilenetv2_100"), ("resnet18", "resnet18"), ("densenet121", "densenet121")],
)
def test_weights_of_torchvision(tmp_path, theirs, ours):
    torch.manual_seed(0)
    network = torchvision.models.get_model(theirs, weights=None).eval()
    torch.save(network.state_dict(), tmp_path / "theirs.pth")
    frames = torch.rand(2, 3, 64, 64)
    found = find_weights(tmp_path / "theirs.pth", ours)
    with torch.no_grad():
        if theirs == "resnet18":
            network.fc = network.avgpool = torch.nn.Identity()
            expected = network(frames).reshape(2, 512, 2, 2)
        else:
            expected = network.features(frames)
        if theirs == "densenet121":
            expected = torch.relu(expected)
        torch.testing.assert_close(arrived(found, frames), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"state_dict": {f"module.model.{n}": v for n, v in state.items()}},
        lambda state: {"epoch": 3, "model": state},
        lambda state: {f"renamed{i}": v for i, v in enumerate(state.values())},
    ],
)
def test_plain_files_of_a_timm_model(tmp_path, tiny, wrap):
    torch.save(wrap(tiny.state_dict()), tmp_path / "w.pt")
    frames = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        found = arrived(find_weights(tmp_path / "w.pt", TINY_BACKBONE), frames)
        assert torch.equal(found, tiny.forward_features(frames))


def test_what_does_not_fit_is_said(tmp_path, tiny):
    torch.save(tiny.state_dict(), tmp_path / "w.pth")
    with pytest.raises(TransNetError, match="name it with backbone"):
        find_weights(tmp_path / "w.pth")
    with pytest.raises(TransNetError, match="does not fit backbone 'resnet18'"):
        find_weights(tmp_path / "w.pth", "resnet18")
    torch.save(tiny, tmp_path / "pickled.pth")  # a module runs code when it is unpickled
    with pytest.raises(TransNetError, match="not a readable file of weights"):
        find_weights(tmp_path / "pickled.pth", TINY_BACKBONE)
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(TransNetError, match="holds no weights"):
        find_weights(tmp_path / "list.pth", TINY_BACKBONE)


def test_one_command_writes_the_metadata(tmp_path, tiny, capsys):
    torch.save(tiny.state_dict(), tmp_path / "w.pth")
    out = tmp_path / "w.safetensors"
    words = ["weights", str(tmp_path / "w.pth"), "--backbone", TINY_BACKBONE, "--out", str(out)]
    assert main([*words, "--mean", "0.1,0.2,0.3", "--pretraining", "toys"]) == 0
    found = find_weights(out)
    assert found.backbone.mean == (0.1, 0.2, 0.3)
    assert found.backbone.std == tuple(timm.get_pretrained_cfg(TINY_BACKBONE).std)
    assert found.backbone.pretraining == "toys"
    state = tiny.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in load_file(out).items())
    assert out.stat().st_mode & 0o777 == (tmp_path / "w.pth").stat().st_mode & 0o777
    assert main([*words, "--std", "zero"]) == 1
    assert "--std is 'zero'; accepted: three numbers" in capsys.readouterr().err


@pytest.fixture
def on_the_hub(tmp_path, tiny, monkeypatch):
    """A copy that the hub's client keeps, and no network; returns a function that fills it."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)

    def fill(model_id, **config):
        folder = tmp_path / "hub" / f"models--{model_id.replace('/', '--')}"
        snapshot = folder / "snapshots" / ("0" * 40)
        snapshot.mkdir(parents=True)
        (folder / "refs").mkdir()
        (folder / "refs/main").write_text("0" * 40)
        save_file(tiny.state_dict(), snapshot / "model.safetensors")
        architecture = TINY_BACKBONE.partition(".")[0]
        (snapshot / "config.json").write_text(
            json.dumps({"architecture": architecture, "num_classes": 1000, **config})
        )

    return fill


def test_a_model_of_timm_on_the_hub(on_the_hub, tiny):
    cfg = {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6], "tag": "in1k", "license": "mit"}
    on_the_hub("someone/tiny", pretrained_cfg=cfg)
    found = find_weights("imagenet", "hf-hub:someone/tiny")
    record = found.backbone
    assert (record.name, record.mean, record.license) == (
        "test_efficientnet",
        (0.1, 0.2, 0.3),
        "mit",
    )
    assert (record.weights, record.pretraining) == ("hub: someone/tiny@000000000000", "imagenet")
    frames = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(arrived(found, frames), tiny.forward_features(frames))
    with pytest.raises(TransNetError, match="cannot be reached"):
        find_weights("imagenet", "hf-hub:someone/else")
    with pytest.raises(TransNetError, match="which has its own weights; omit weights"):
        find_weights("none", "hf-hub:someone/tiny")


def test_a_configuration_on_the_hub_is_data(on_the_hub):
    cfg = {"mean": [0.5] * 3, "std": [0.5] * 3}
    on_the_hub("bad/args", pretrained_cfg=cfg, model_args={"checkpoint_path": "/etc/passwd"})
    with pytest.raises(TransNetError, match="has the argument 'checkpoint_path'"):
        find_weights("imagenet", "hf-hub:bad/args")


def test_pretrained_weights_in_python(on_the_hub, tiny):
    on_the_hub(f"timm/{TINY_BACKBONE}", pretrained_cfg={})
    model = TransNet(TINY_BACKBONE, 3, size=64, readout="pool", pretrained=True)
    state = tiny.state_dict()
    for name, value in model.backbone.network.state_dict().items():
        assert torch.equal(value, state[name])
    with pytest.raises(TransNetError, match="pretrained is True, but the weights of 'resnet18'"):
        TransNet("resnet18", 3, size=64, pretrained=True)
