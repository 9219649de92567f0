import pytest
import torch

from transnet import TrainingConfig, TransNetError
from transnet.model.encoded import Encoded
from transnet.training.feature_augmentation import drop_frames, mix_clips


def batch(clips=6, steps=5):
    frames = torch.arange(clips * steps, dtype=torch.float).reshape(clips, steps, 1)
    return Encoded(frames, frames[:, 1:] + 100)


def test_a_mixed_clip_lies_between_two_clips_of_the_batch():
    torch.manual_seed(0)
    encoded, labels = batch(), torch.arange(6)
    mixed, others, share = mix_clips(encoded, labels, 0.4)
    assert 0.5 <= share <= 1
    assert sorted(others.tolist()) == labels.tolist()
    for found, each in zip(mixed, encoded, strict=True):
        assert torch.allclose(found, share * each + (1 - share) * each[others])


def test_a_dropped_frame_repeats_the_one_before():
    torch.manual_seed(0)
    encoded = batch(200)
    dropped = drop_frames(encoded, 0.3)
    for found, each in zip(dropped, encoded, strict=True):
        assert torch.equal(found[:, 0], each[:, 0])
        steps = found[:, 1:] - found[:, :-1]
        assert (steps >= 0).all()  # in order
        kept = (found[:, 1:] == each[:, 1:]).float().mean()
        assert kept == pytest.approx(0.7, abs=0.06)
        repeats = found[:, 1:] == found[:, :-1]
        assert (repeats | (found[:, 1:] == each[:, 1:])).all()


def test_what_has_no_steps_is_unchanged():
    clips = Encoded(torch.ones(3, 8), torch.empty(3, 0))
    assert all(a is b for a, b in zip(drop_frames(clips, 1.0), clips, strict=True))


@pytest.mark.parametrize("setting", ["mixup", "drop_frames"])
def test_features_are_augmented_only_while_the_backbone_is_frozen(setting):
    with pytest.raises(TransNetError, match=f"{setting} is 0.2; accepted: 0 if the backbone"):
        TrainingConfig(freeze=False, **{setting: 0.2})
    with pytest.raises(TransNetError, match=f"{setting} is -0.1"):
        TrainingConfig(**{setting: -0.1})
