import numpy as np
import pytest
import torch
from torchvision.models import get_model

import transnet
from transnet.errors import TransNetError
from transnet.inference.detector import DETECTORS, load_detector
from transnet.inference.finders import find_people


@pytest.fixture(autouse=True)
def no_cached_weights(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


def save_random(path, name, **arguments):
    torch.manual_seed(0)
    network = get_model(name, weights=None, weights_backbone=None, **arguments)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), path)
    return path


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("mine.pth", "ssdlite320_mobilenet_v3_large"),
        ("fasterrcnn_mobilenet_v3_large_320_fpn.pth", "fasterrcnn_mobilenet_v3_large_320_fpn"),
        ("fasterrcnn_mobilenet_v3_large_fpn-907ea3f9.pth", "fasterrcnn_mobilenet_v3_large_fpn"),
    ],
)
def test_a_file_of_weights_says_whose_it_is(tmp_path, file, name):
    path = save_random(tmp_path / file, name)
    detector = load_detector(str(path), torch.device("cpu"))
    assert detector.name == name
    assert detector.boxes(np.zeros((90, 120, 3), np.uint8)) == []  # random weights are not sure


def test_weights_that_fit_two_architectures_are_asked_for_their_name(tmp_path):
    path = save_random(tmp_path / "mine.pth", "fasterrcnn_mobilenet_v3_large_fpn")
    both = "fasterrcnn_mobilenet_v3_large_320_fpn and fasterrcnn_mobilenet_v3_large_fpn"
    with pytest.raises(TransNetError, match=f"fit {both}; rename the file"):
        find_people(detector=str(path))


def test_a_detector_finds_boxes_in_pixels_of_the_picture(tmp_path):
    name = "fasterrcnn_mobilenet_v3_large_320_fpn"
    path = save_random(tmp_path / f"{name}-two.pth", name, num_classes=2)
    state = torch.load(path)
    state["roi_heads.box_predictor.cls_score.bias"] = torch.tensor([-9.0, 9.0])  # all are people
    torch.save(state, path)
    finder = find_people(detector=str(path))
    picture = np.random.default_rng(0).integers(0, 256, (90, 160, 3)).astype(np.uint8)
    boxes = finder(picture)
    assert boxes
    for left, top, right, bottom in boxes:
        assert 0 <= left <= right <= 160
        assert 0 <= top <= bottom <= 90


def test_weights_in_the_cache_of_torchvision_are_found(tmp_path):
    cache = tmp_path / "torch" / "hub" / "checkpoints"
    save_random(cache / "ssdlite320_mobilenet_v3_large_coco-a79551df.pth", DETECTORS[1])
    assert find_people().name.startswith("detector ssdlite320_mobilenet_v3_large ")
    assert find_people(detector=DETECTORS[1]).name == find_people().name


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "people have to be found first; give segmenter (a run folder"),
        ({"detector": "none.pth"}, "detector is 'none.pth', which is no file; accepted: a file of"),
        ({"detector": DETECTORS[0]}, "but its weights are not at"),
        ({"detector": "x", "segmenter": "y"}, "segmenter is 'y', but a detector is given too"),
        ({"segmenter": "nowhere"}, "segmenter is 'nowhere', which holds no segmenter"),
    ],
)
def test_what_is_missing_is_said(given, message):
    with pytest.raises(TransNetError) as caught:
        find_people(**given)
    assert message in str(caught.value)


def test_other_files_are_refused(tmp_path, trained_run):
    (tmp_path / "text.pth").write_text("no weights")
    torch.save({"epoch": 3}, tmp_path / "odd.pth")
    torch.save({"layer": torch.zeros(3)}, tmp_path / "other.pth")
    for name, message in (
        ("text.pth", "which cannot be read as weights of PyTorch"),
        ("odd.pth", "which holds no weights by name"),
        ("other.pth", "whose weights are of none of fasterrcnn"),
    ):
        with pytest.raises(TransNetError, match=message):
            find_people(detector=str(tmp_path / name))


def test_two_segmenters_have_two_names(pretrained, tmp_path):
    finder = transnet.find_people(segmenter=str(pretrained))
    assert finder.name.startswith("segmenter test_efficientnet.r160_in1k ")
    assert finder.name == find_people(segmenter=str(pretrained)).name
