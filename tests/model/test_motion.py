import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers import TINY_BACKBONE
from transnet.errors import TransNetError
from transnet.model.backbone import FINE_CHANNELS, MIDDLE_CHANNELS, Backbone, FrameMaps
from transnet.model.motion import PairMotion, motion_maps


def shifted(maps, right, down):
    return torch.roll(maps, (down, right), dims=(2, 3))


def with_dark_maps(fine):
    """Fine maps; the other maps are dark."""
    count, _, height, width = fine.shape
    return FrameMaps(fine, torch.zeros(count, 2, height, width), torch.zeros(count, 4, 2, 2))


def maps_of(fine):
    """What motion is computed from, for such maps."""
    return motion_maps(with_dark_maps(fine))


def pair_motion(channels, height, width):
    """The motion of pairs of such maps."""
    return PairMotion(with_dark_maps(torch.zeros(1, channels, height, width)))


def textured(count=1, channels=32, side=14, seed=0):
    """Maps in which every position looks different."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, channels, side, side, generator=generator)


def thing_before_place(right, down):
    """A thing of 4 x 4 positions, moved from the center of a place that stands still."""
    place, thing = textured(), textured(seed=1)
    inside = torch.zeros(1, 1, 14, 14)
    inside[..., 5:9, 5:9] = 1
    return place * (1 - shifted(inside, right, down)) + shifted(thing * inside, right, down)


@settings(deadline=None, max_examples=20)
@given(right=st.integers(-2, 2), down=st.integers(-2, 2))
def test_what_moves_before_a_still_place_is_followed(right, down):
    earlier, later = thing_before_place(0, 0), thing_before_place(right, down)
    motion = pair_motion(32, 14, 14)
    flow = motion.gated_flow(maps_of(earlier), maps_of(later))[0]
    if right == down == 0:
        assert flow.abs().max() < 1e-6
        return
    found = flow[:, 6:8, 6:8].mean(dim=(1, 2))
    expected = torch.tensor([float(right), float(down)])
    assert torch.allclose(found, expected, atol=0.6)
    assert flow[:, 0, 0].abs().max() < 0.2  # far from it nothing moves


def test_the_motion_of_the_camera_is_subtracted():
    place = textured(side=16)
    motion = pair_motion(32, 14, 14)
    earlier, later = place[..., 1:15, 1:15], place[..., 1:15, 0:14]
    flow = motion.gated_flow(maps_of(earlier), maps_of(later))
    assert flow[..., 3:11, 3:11].abs().mean() < 0.1


def test_a_mirrored_pair_has_the_mirrored_flow():
    motion = pair_motion(32, 14, 14)
    earlier, later = textured(seed=2), textured(seed=3)
    flow = motion.gated_flow(maps_of(earlier), maps_of(later))
    mirrored = motion.gated_flow(maps_of(earlier.flip(3)), maps_of(later.flip(3)))
    expected = flow.flip(3) * torch.tensor([-1.0, 1.0])[:, None, None]
    # The lower median of an even number of positions is not that of their negatives.
    offset = (mirrored - expected).flatten(2)
    assert (offset - offset.mean(dim=2, keepdim=True)).abs().max() < 0.3


def three_maps(seed):
    return FrameMaps(
        textured(channels=4, seed=seed),
        textured(seed=seed),
        textured(channels=8, side=7, seed=seed),
    )


def test_change_is_what_came_and_what_went():
    earlier, later = (motion_maps(three_maps(seed)) for seed in (4, 5))
    motion = PairMotion(three_maps(4))
    vectors = motion.split(motion(earlier, later))
    assert {cue: vector.shape[1] for cue, vector in vectors.items()} == motion.lengths
    for cue, before, after in (
        ("middle_change", earlier.middle, later.middle),
        ("fine_change", earlier.fine, later.fine),
    ):
        came, went = (after - before).clamp(min=0), (before - after).clamp(min=0)
        expected = torch.cat([each.mean(dim=2) for each in (came, went)], dim=1)
        assert torch.allclose(vectors[cue], expected, atol=1e-6)


def test_what_moves_is_seen_however_small_it_is():
    place, thing = torch.rand(1, 8, 7, 7), torch.rand(8)
    earlier, later = place.clone(), place.clone()
    later[0, :, 2, 5] = thing
    dark = torch.zeros(1, 4, 14, 14), torch.zeros(1, 32, 14, 14)
    maps = [FrameMaps(*dark, last) for last in (earlier, later)]
    motion = PairMotion(maps[0])
    vectors = motion.split(motion(*map(motion_maps, maps)))
    assert torch.allclose(vectors["moving_appearance"][0], thing, atol=1e-4)
    step = thing - place[0, :, 2, 5]
    came_and_went = torch.cat([step.clamp(min=0), -step.clamp(max=0)])
    assert torch.allclose(vectors["moving_change"][0], came_and_went, atol=1e-4)


@pytest.mark.parametrize(("height", "width"), [(2, 2), (4, 4), (5, 9), (14, 14), (17, 3)])
def test_maps_of_any_size_have_motion(height, width):
    motion = pair_motion(8, height, width)
    earlier, later = torch.rand(3, 8, height, width), torch.rand(3, 8, height, width)
    vector = motion(maps_of(earlier), maps_of(later))
    assert vector.shape == (3, sum(motion.lengths.values()))
    assert torch.isfinite(vector).all()


def test_blocks_of_rows_give_what_all_rows_give(monkeypatch):
    motion = pair_motion(8, 9, 7)
    maps = [maps_of(torch.rand(2, 8, 9, 7)) for _ in range(2)]
    at_once = motion(*maps)
    monkeypatch.setattr("transnet.model.motion.BLOCK", 4)
    assert torch.allclose(motion(*maps), at_once, atol=1e-5)


def test_constant_maps_have_finite_motion():
    motion = pair_motion(8, 4, 4)
    maps = maps_of(torch.zeros(1, 8, 4, 4))
    assert torch.isfinite(motion(maps, maps)).all()


@pytest.mark.parametrize(
    "name", [TINY_BACKBONE, "test_resnet.r160_in1k", "test_vit.r160_in1k", "vgg11"]
)
def test_the_inner_maps_leave_the_last_one_as_it_is(name):
    size = 160 if "vit" in name else 64
    plain = Backbone(name, size=size).eval()
    with_inner = Backbone(name, size=size, inner=True).eval()
    with_inner.network.load_state_dict(plain.network.state_dict())
    frames = torch.rand(2, 3, size, size)
    with torch.inference_mode():
        maps = with_inner.maps(frames)
        assert torch.equal(maps.last, plain(frames))
    assert maps.middle.ndim == maps.fine.ndim == 4
    assert maps.middle.shape[2] == maps.fine.shape[2] == size // 16
    assert maps.middle.shape[1] <= MIDDLE_CHANNELS
    assert maps.fine.shape[1] <= FINE_CHANNELS
    assert with_inner.fingerprint() == plain.fingerprint()


def test_the_fine_map_is_pooled_to_the_positions_of_the_middle_one():
    backbone = Backbone("vgg11", size=64, inner=True).eval()
    frames = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        _, inner = backbone.network.forward_intermediates(frames)
        fine = next(each for each in inner if each.shape[2] == 8)
        expected = fine.unflatten(2, (4, 2)).unflatten(4, (4, 2)).mean(dim=(3, 5))
        found = backbone.maps(frames).fine
    every = expected.shape[1] // FINE_CHANNELS
    assert torch.allclose(found, expected[:, ::every], atol=1e-5)


@pytest.mark.parametrize("size", [200, 224])
def test_frames_whose_maps_do_not_divide_have_motion(size):
    backbone = Backbone("test_resnet.r160_in1k", size=size, inner=True).eval()
    with torch.inference_mode():
        frames = [backbone.maps(torch.rand(2, 3, size, size)) for _ in "ab"]
    motion = PairMotion(frames[0])
    earlier, later = map(motion_maps, frames)
    assert torch.isfinite(motion(earlier, later)).all()
    assert motion.gated_flow(earlier, later).shape[2:] == frames[0].fine.shape[2:]


def test_a_backbone_without_inner_maps_is_named(monkeypatch):
    network = type(Backbone(TINY_BACKBONE, size=64).network)
    monkeypatch.delattr(network, "forward_intermediates")
    with pytest.raises(TransNetError, match="inner maps.*cues 'appearance'"):
        Backbone(TINY_BACKBONE, size=64, inner=True)
