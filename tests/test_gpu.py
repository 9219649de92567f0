"""Each way to the network on a GPU: the same answers as on the CPU; by ``make test-gpu``."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

import transnet
from tests.helpers import TINY_BACKBONE, train_tiny
from transnet import ClipConfig, ModelConfig, PretrainingConfig, StreamConfig, TrainingConfig
from transnet.archive.label import label
from transnet.archive.label_config import LabelConfig

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU: make test-gpu"),
    pytest.mark.filterwarnings("default"),  # FSDP warns of its own parts, and of a single GPU
]

# TensorFloat-32 in convolutions and bfloat16 in trainings; the CPU computes in float32.
CLOSE = 5e-3
DEVICES = ("cpu", "cuda")
SMALL = {"backbone": TINY_BACKBONE, "weights": "none", "clip": ClipConfig(frames=4, size=64)}


@pytest.fixture(scope="module")
def gpu_run(clips_folder, tmp_path_factory):
    """A recognizer trained on the GPU, with motion."""
    return train_tiny(clips_folder, tmp_path_factory.mktemp("gpu"), device="cuda")


def clip_of(folder):
    return next(path for path in sorted(folder.rglob("*")) if path.is_file())


@pytest.mark.parametrize("where", ["trained_run", "gpu_run"])
def test_a_run_answers_alike_on_either_device(where, clips_folder, request):
    run = request.getfixturevalue(where)
    clip = clip_of(clips_folder)
    on_cpu, on_gpu = (transnet.load(run, device=device).predict(clip) for device in DEVICES)
    assert on_gpu.scores == pytest.approx(on_cpu.scores, abs=CLOSE)


def test_a_run_evaluates_alike_on_either_device(gpu_run, clips_folder, tmp_path):
    on_cpu, on_gpu = (  # each with features of its own
        transnet.evaluate(gpu_run, device=device, cache=str(tmp_path / device))
        for device in DEVICES
    )
    assert on_gpu.top1 == on_cpu.top1


def test_a_stream_answers_as_the_clip_of_its_frames(gpu_run, make_video):
    recognizer = transnet.load(gpu_run, device="cuda")
    video = make_video(num_frames=4)
    *_, last = recognizer.stream(video, StreamConfig(step_s=1 / 25))
    whole = recognizer.predict(video)
    assert last.scores == pytest.approx(whole.scores, abs=CLOSE)


@pytest.mark.parametrize("cues", ["appearance", "both"])
@pytest.mark.parametrize("strategy", ["auto", "fsdp"])
def test_the_whole_network_trains(cues, strategy, clips_folder, tmp_path):
    run = transnet.train(
        str(clips_folder),
        out=str(tmp_path / "run"),
        model=ModelConfig(cues=cues),
        training=TrainingConfig(freeze=False, epochs=2),
        device="cuda",
        strategy=strategy,
        cache=str(tmp_path / "cache"),
        **SMALL,
    )
    answer = transnet.load(run, device="cpu").predict(clip_of(clips_folder))
    assert sum(answer.scores.values()) == pytest.approx(1, abs=1e-3)


def test_more_gpus_than_there_are_are_refused(clips_folder, tmp_path):
    count = torch.cuda.device_count() + 1
    with pytest.raises(transnet.TransNetError, match=f"devices is {count}, but this machine has"):
        transnet.train(
            str(clips_folder),
            out=str(tmp_path / "run"),
            training=TrainingConfig(freeze=False, epochs=1),
            devices=count,
            cache=str(tmp_path / "cache"),
            **SMALL,
        )


def test_people_are_segmented_alike_on_either_device(tmp_path, make_video):
    shape = transnet.pretrain(
        "synthetic:6",
        out=str(tmp_path / "shape"),
        backbone=TINY_BACKBONE,
        weights="none",
        device="cuda",
        training=PretrainingConfig(size=64, epochs=2, workers=0),
    )
    frames = transnet.read_clip(make_video(num_frames=4), SMALL["clip"]).frames
    on_cpu, on_gpu = (
        transnet.load_segmenter(shape, device=device).probabilities(frames) for device in DEVICES
    )
    np.testing.assert_allclose(on_gpu, on_cpu, atol=2e-2)


def test_an_archive_is_labeled_alike_on_either_device(gpu_run, clips_folder, tmp_path):
    labels = []
    for device in DEVICES:
        out = tmp_path / device
        summary = label(
            str(clips_folder), run=str(gpu_run), out=str(out), config=LabelConfig(device=device)
        )
        assert summary.labeled == 30
        table = pq.read_table(out, columns=["path", "label"])
        labels.append(dict(zip(*table.to_pydict().values(), strict=True)))
    assert labels[0] == labels[1]
