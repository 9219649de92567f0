from contextlib import ExitStack

import numpy as np
import pytest
import torch

from tests.helpers import TINY_BACKBONE
from transnet import ClipConfig, ModelConfig, TrainingConfig
from transnet.checkpoints.backbone_weights import find_weights
from transnet.checkpoints.run import RunInfo
from transnet.data.clips import read_clip
from transnet.data.datasets.catalog import open_dataset
from transnet.data.splits import make_split
from transnet.model.encoded import Encoded
from transnet.training.clip_data import open_clip_data
from transnet.training.samplers import FIXED_VIEW

CLIP = ClipConfig(frames=4, size=64)


@pytest.fixture
def clip_data_of(clips_folder, tmp_path):
    """Opens the clip data of a training of the generated clips, one at a time."""
    manifest = open_dataset(clips_folder)
    with ExitStack() as opened:

        def make(**training):
            config = TrainingConfig(**{"freeze": False, "views": 3, **training})
            split = make_split(manifest, "group", validation=0.25, seed=0)
            classes = tuple(sorted({record.label for record in split.train}))
            found = find_weights("none", TINY_BACKBONE)
            info = RunInfo.describe(
                classes, (CLIP, ModelConfig(), config), found.backbone, "data", split
            )
            network = info.build_model()
            network.backbone.freeze()
            opened.close()
            data = opened.enter_context(
                open_clip_data(info, split, network, str(tmp_path / "cache"))
            )
            data.prepare()
            return data

        yield make


def distinct_views(dataset, draws):
    """How many different views a dataset gives of its first clip."""
    views = [dataset[0, draw][0] for draw in draws]
    frames = [view.frames if isinstance(view, Encoded) else view for view in views]
    return len({each.numpy().tobytes() for each in frames})


def epoch_of(loader):
    """One epoch of a loader, read in this process: workers would outlive the test."""
    inputs = [loader.dataset[draw][0] for batch in loader.batch_sampler for draw in batch]
    return torch.stack([each.frames if isinstance(each, Encoded) else each for each in inputs])


def test_a_frozen_backbone_has_features_and_one_that_learns_has_frames(clip_data_of):
    shapes = {}
    for name, options in {
        "features": {"freeze": True}, "clips": {"clip_cache": "jpeg"},
        "videos": {"clip_cache": "none"},
    }.items():  # fmt: skip
        data = clip_data_of(**options)
        train, validation = data.loaders(data.train, data.validation)
        for loader in (train, validation):
            epoch = epoch_of(loader)
            assert len(epoch) == len(loader.dataset) > 0
            shapes[name] = tuple(epoch.shape[1:]), epoch.dtype
    assert shapes["features"] == ((4, 256), torch.float32)
    assert shapes["clips"] == shapes["videos"] == ((4, 64, 64, 3), torch.uint8)


@pytest.mark.parametrize("storage", ["uint8", "none"])
def test_validation_sees_what_the_evaluation_sees(clip_data_of, storage):
    data = clip_data_of(clip_cache=storage)
    _, loader = data.loaders(data.train, data.validation)
    frames = epoch_of(loader).numpy()
    for record, found in zip(data.validation, frames, strict=True):
        assert np.array_equal(found, read_clip(record.path, CLIP).frames)


def test_a_clip_is_seen_in_the_views_that_are_kept_and_mirrored(clip_data_of):
    data = clip_data_of(clip_cache="uint8")
    dataset = data.loaders(data.train, [])[0].dataset
    assert distinct_views(dataset, range(100)) == 6
    assert distinct_views(dataset, [FIXED_VIEW]) == 1
    one, mirrored = dataset[0, 0][0], dataset[0, 3][0]
    assert torch.equal(one, dataset[0, FIXED_VIEW][0])
    assert torch.equal(one.flip(2), mirrored)
    unmirrored = clip_data_of(clip_cache="uint8", flip=False)
    dataset = unmirrored.loaders(unmirrored.train, [])[0].dataset
    assert distinct_views(dataset, range(100)) == 3


def test_without_a_cache_every_view_is_new_and_nothing_is_kept(clip_data_of, tmp_path):
    data = clip_data_of(clip_cache="none")
    assert distinct_views(data.loaders(data.train, [])[0].dataset, range(10)) == 10
    assert not (tmp_path / "cache/clips").exists()
    assert len(set(data.digests.values())) == len(data.train) + len(data.validation)


@pytest.mark.parametrize("storage", ["jpeg", "none"])
def test_an_epoch_depends_on_seed_and_number_alone(clip_data_of, storage):
    def epoch(number, **options):
        data = clip_data_of(clip_cache=storage, **options)
        loader = data.loaders(data.train, [])[0]
        loader.batch_sampler.sampler.follow(lambda: number)
        return epoch_of(loader)

    assert torch.equal(epoch(0), epoch(0))
    assert not torch.equal(epoch(0), epoch(1))
    assert not torch.equal(epoch(0), epoch(0, seed=1))


@pytest.mark.parametrize("options", [{"freeze": True}, {"clip_cache": "jpeg"}])
def test_no_clip_is_alone_in_a_batch_to_learn_from(clip_data_of, options):
    data = clip_data_of(batch_size=2, **options)
    odd = data.train[:5]
    learned, measured = data.loaders(odd, odd)
    assert (len(learned), len(measured)) == (2, 3)
    assert len(data.loaders(data.train[:6], [])[0]) == 3
    assert len(data.loaders(data.train[:1], [])[0]) == 1
