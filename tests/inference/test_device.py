"""Inference follows its network to another device; PyTorch's "meta" stands for one."""

import numpy as np
import pytest
import torch

import transnet
from transnet.config import StreamConfig
from transnet.data.cache.features import FeatureCache
from transnet.inference.features import FeatureExtractor


@pytest.fixture
def seen():
    """The devices of the inputs of a network's backbone."""
    return []


@pytest.fixture
def moved(trained_run, seen):
    """A recognizer whose network was moved to another device after it was loaded."""
    recognizer = transnet.load(trained_run, device="cpu")
    recognizer.model.to("meta")

    def note(module, inputs):
        seen.append(inputs[0].device.type)

    recognizer.model.backbone.register_forward_pre_hook(note)
    return recognizer


@pytest.fixture
def video(clips_folder):
    return next(clips_folder.rglob("*.avi"))


@pytest.fixture
def frames(moved, video):
    return transnet.read_clip(video, moved.info.clip)


def test_a_clip_goes_where_the_network_is(moved, video, seen):
    with pytest.raises((NotImplementedError, RuntimeError)):  # "meta" tensors have no values
        moved.predict(video)
    assert seen == ["meta"]


def test_a_stream_goes_where_the_network_is(moved, frames, seen):
    session = moved.stream_session(StreamConfig(step_s=1.0))
    assert session.push(frames.frames[0], 0.0) is None
    assert seen == ["meta"]


def test_features_are_computed_where_the_network_is(moved, frames, seen, tmp_path):
    with FeatureCache(tmp_path / "features") as cache:
        info = moved.info
        mean, std = info.backbone.mean, info.backbone.std
        # The fingerprint of the weights needs their values.
        moved.model.backbone.fingerprint = lambda: "moved"
        extractor = FeatureExtractor(moved.model, info.clip, mean, std, cache)
        with pytest.raises((NotImplementedError, RuntimeError)):
            extractor._encode(frames)
    assert seen == ["meta"]


def test_photos_go_where_the_segmenter_is(pretrained):
    segmenter = transnet.load_segmenter(pretrained, device="cpu")
    segmenter.model.to("meta")
    devices = []
    segmenter.model.register_forward_pre_hook(
        lambda module, inputs: devices.append(inputs[0].device.type)
    )
    with pytest.raises((NotImplementedError, RuntimeError)):
        segmenter.probabilities(np.zeros((1, 64, 64, 3), np.uint8))
    assert devices and set(devices) == {"meta"}


def test_auto_puts_the_network_on_the_gpu(trained_run, pretrained, monkeypatch):
    moves = []

    def to(self, *args, **kwargs):
        if args and isinstance(args[0], torch.device):
            moves.append(args[0].type)
        return self

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.nn.Module, "to", to)
    transnet.load(trained_run)
    transnet.load_segmenter(pretrained)
    assert moves == ["cuda", "cuda"]
    transnet.load(trained_run, device="cpu")
    assert moves[2:] == ["cpu"]
