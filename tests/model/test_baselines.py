import pytest
import torch

import transnet
from tests.helpers import TINY_BACKBONE
from transnet import TransNet, TransNetError
from transnet.cli import main
from transnet.model.baselines import SeparableConvolutions
from transnet.model.streaming import StreamingTransNet
from transnet.model.transnet import count_parameters
from transnet.model.video_network import VIDEO_BACKBONES, VideoNetwork

KINDS = ["separable", "lstm", "gru", "mean", "attention"]


@pytest.mark.parametrize(("filters", "count"), [(64, 5_128), (128, 18_376)])
def test_the_separable_arrangement_has_table_ones_counts(filters, count):
    assert count_parameters(SeparableConvolutions(3, filters, filters, 6)) == count


@pytest.mark.parametrize("kind", ["conv1d", *KINDS])
def test_only_the_temporal_part_differs(kind):
    torch.manual_seed(0)
    model = TransNet(TINY_BACKBONE, 3, num_frames=5, temporal=kind, size=32, readout="pool").eval()
    torch.manual_seed(0)
    paper = TransNet(TINY_BACKBONE, 3, num_frames=5, size=32, readout="pool").eval()
    clips = torch.rand(2, 5, 3, 32, 32)
    assert model(clips).shape == (2, 3)
    assert torch.equal(model.encode(clips), paper.encode(clips))
    torch.testing.assert_close(model.classify(model.encode(clips)), model(clips))


@pytest.mark.parametrize("kind", ["conv1d", *KINDS])
def test_the_order_of_the_frames_matters_to_all_but_the_mean(kind):
    torch.manual_seed(0)
    model = TransNet(TINY_BACKBONE, 3, num_frames=5, temporal=kind, size=32, readout="pool").eval()
    features = torch.rand(1, 5, 64)
    with torch.inference_mode():
        changed = (model.temporal(features) - model.temporal(features.flip(1))).abs().max()
    assert (changed < 1e-6) == (kind == "mean")


@pytest.mark.parametrize("kind", ["conv1d", *KINDS])
def test_the_last_batch_may_be_a_single_clip(kind):
    model = TransNet(TINY_BACKBONE, 3, num_frames=5, temporal=kind, size=32, readout="pool").train()
    model(torch.rand(1, 5, 3, 32, 32)).sum().backward()


@pytest.mark.parametrize("kind", KINDS)
def test_a_rival_watches_a_stream_as_it_sees_a_clip(kind):
    torch.manual_seed(0)
    model = TransNet(TINY_BACKBONE, 3, num_frames=4, temporal=kind, size=32, readout="pool").eval()
    stream, frames = StreamingTransNet(model, step_s=0.2), torch.rand(9, 3, 32, 32)
    windows = [stream.push(frame, 0.1 * i) for i, frame in enumerate(frames)]
    with torch.inference_mode():
        torch.testing.assert_close(windows[8].logits, model(frames[[2, 4, 6, 8]][None])[0])


@pytest.mark.parametrize("kind", ["gru", "attention"])
def test_a_rival_is_trained_and_loaded_as_the_paper_is(kind, clips_folder, tmp_path):
    words = ["--backbone", TINY_BACKBONE, "--weights", "none", "--frames", "4", "--size", "64",
             "--epochs", "1", "--views", "1", "--temporal", kind]  # fmt: skip
    run = tmp_path / "run"
    assert main(["train", str(clips_folder), "--out", str(run), *words]) == 0
    evaluation = transnet.evaluate(run)
    recognizer = transnet.load(run)
    assert recognizer.info.model.temporal == kind
    assert evaluation.num_clips == 6


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(VIDEO_BACKBONES))
def test_a_video_network_sees_the_clip_as_a_whole(name):
    frames, size = (16, 224) if name == "mvit_v2_s" else (8, 64)
    model = VideoNetwork(name, 3, num_frames=frames, size=size).eval()
    clips = torch.rand(1, frames, 3, size, size)
    with torch.inference_mode():
        logits = model(clips)
        assert logits.shape == (1, 3)
        assert torch.equal(model.classify(model.encode(clips)), logits)
        assert not torch.equal(model(clips.flip(1)), logits)
    assert model.backbone.freeze().frozen
    assert not any(parameter.requires_grad for parameter in model.backbone.parameters())


def test_a_video_network_is_trained_under_the_same_command(clips_folder, tmp_path, capsys):
    run = tmp_path / "run"
    words = ["train", str(clips_folder), "--out", str(run), "--backbone", "s3d", "--frames", "8",
             "--size", "32", "--epochs", "1"]  # fmt: skip
    assert main(words) == 1
    assert "s3d is a video network, which image weights do not fit" in capsys.readouterr().err
    assert main([*words, "--weights", "none", "--freeze", "false", "--workers", "1"]) == 0
    evaluation = transnet.evaluate(run)
    clip = next((clips_folder / "boxing").rglob("*.avi"))
    recognizer = transnet.load(run)
    prediction = recognizer.predict(clip)
    assert sum(prediction.scores.values()) == pytest.approx(1)
    assert evaluation.num_clips == 6
    with pytest.raises(TransNetError, match="s3d needs whole clips, so it cannot classify"):
        next(recognizer.stream(clip))


def test_a_video_network_of_another_size():
    with pytest.raises(TransNetError, match="takes 16 frames of 224 pixels, not 12 of 224; use"):
        VideoNetwork("mvit_v2_s", 3, num_frames=12, size=224)


@pytest.mark.parametrize(("frames", "size"), [(4, 64), (16, 16)])
def test_clips_that_are_too_small_for_a_video_network_are_named(frames, size):
    with pytest.raises(TransNetError, match=f"does not take clips of {frames} frames of {size} p"):
        VideoNetwork("s3d", 3, num_frames=frames, size=size)


def test_what_says_how_frames_are_joined_is_not_for_a_video_network(clips_folder, tmp_path, capsys):
    words = ["train", str(clips_folder), "--out", str(tmp_path / "run"), "--backbone", "s3d",
             "--weights", "none", "--freeze", "false", "--temporal", "lstm"]  # fmt: skip
    assert main(words) == 1
    assert "--temporal is 'lstm', but s3d is a video network" in capsys.readouterr().err


def test_a_video_network_cannot_be_mistaken_for_a_backbone():
    with pytest.raises(TransNetError, match="backbone is 'r3d_18'"):
        TransNet("r3d_18", 3)
