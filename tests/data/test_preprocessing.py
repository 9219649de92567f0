import av
import numpy as np
import pytest
import torch

from tests.helpers import rotate
from transnet.config import ClipConfig
from transnet.data.clips import read_clip, read_views
from transnet.data.preprocessing import Preprocessor, normalize
from transnet.data.video.reader import VideoFile
from transnet.data.views import CENTER, View, training_views


def gradient(width=320, height=240):
    """A picture whose red is its column and whose green is its row."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[..., 0] = np.linspace(0, 255, width).astype(np.uint8)
    picture[..., 1] = np.linspace(0, 255, height).astype(np.uint8)[:, None]
    return picture


def view_of(picture, view, size=112):
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
    return Preprocessor(size)([frame], view)[0].astype(int)


def test_the_center_keeps_the_aspect():
    pixels = view_of(gradient(), CENTER)
    # 240 rows become 128, of which the middle 112 stay; 320 columns become 171, likewise.
    assert pixels[0, 0, 1] == pytest.approx(255 * 8 / 128, abs=3)
    assert pixels[-1, 0, 1] == pytest.approx(255 * 120 / 128, abs=3)
    assert pixels[0, 0, 0] == pytest.approx(255 * 29.5 / 171, abs=3)
    assert pixels[0, -1, 0] == pytest.approx(255 * 141.5 / 171, abs=3)


def test_views_choose_the_square():
    corner = view_of(gradient(), View(zoom=2.0, x=1.0, y=0.0))
    assert corner[0, -1, 0] > 250
    assert corner[0, 0, 1] < 5
    whole = view_of(gradient(), View(zoom=1.0, x=0.0))
    assert whole[0, 0, 1] < 5
    assert whole[-1, 0, 1] > 250


def test_flip_mirrors_columns():
    plain, mirrored = (view_of(gradient(), View(flip=flip)) for flip in (False, True))
    assert np.array_equal(mirrored, plain[:, ::-1])


def test_upright_pictures_come_first(tmp_path):
    path = tmp_path / "turned.mov"
    lying = np.ascontiguousarray(np.rot90(gradient(), -1))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("png", rate=25)
        stream.width, stream.height, stream.pix_fmt = 240, 320, "rgb24"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(lying, format="rgb24")))
        container.mux(stream.encode())
    rotate(path, (0, -1, 1, 0))
    with VideoFile(path) as video:
        turned = Preprocessor(112)(video.frames(), CENTER)[0].astype(int)
    assert np.abs(turned - view_of(gradient(), CENTER)).max() <= 3


def test_small_pictures_are_enlarged():
    assert view_of(gradient(17, 9), View(zoom=1.0), size=64).shape == (64, 64, 3)


def test_normalize_is_torchvisions():
    from torchvision.transforms.v2 import functional

    frames = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    ours = normalize(frames, mean, std)
    assert ours.shape == (2, 3, 8, 8)
    assert ours.dtype == np.float32
    theirs = functional.normalize(
        torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255, list(mean), list(std)
    )
    assert torch.allclose(torch.from_numpy(ours), theirs, atol=1e-5)


def test_the_same_view_gives_the_same_pixels_alone_or_among_others(make_video):
    path = make_video("x.avi", 30, codec="mpeg4")
    config = ClipConfig(frames=5, size=48)
    views = training_views("clip", 4)
    together = read_views(path, config, views)
    for view, clip in zip(views, together, strict=True):
        alone = read_clip(path, config, view)
        assert np.array_equal(alone.frames, clip.frames)
        assert np.array_equal(alone.indices, clip.indices)


def test_training_views_begin_with_the_evaluations_and_follow_from_the_clip():
    views = training_views("clip", 6)
    assert views[0] == CENTER
    assert len(set(views)) == 6
    assert training_views("clip", 3) == views[:3]
    assert training_views("other", 3)[1:] != views[1:3]
    assert not any(view.flip for view in training_views("clip", 50, flip=False))


def test_clips_show_their_shape(make_video):
    clip = read_clip(make_video("x.avi", 30, codec="mpeg4"), ClipConfig(frames=5, size=48))
    assert repr(clip) == "Clip(frames=(5, 48, 48, 3) uint8, times_s=0.12..1.08 s)"
