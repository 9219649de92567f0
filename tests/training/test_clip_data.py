import numpy as np
import pytest
import torch

from tests.helpers import TINY_BACKBONE
from transnet import ClipConfig, ModelConfig, TrainingConfig
from transnet.checkpoints.backbone_weights import find_weights
from transnet.checkpoints.run import RunInfo
from transnet.data.cache.filling import StageSeconds
from transnet.data.clips import read_clip
from transnet.data.datasets.catalog import open_dataset
from transnet.data.splits import make_split
from transnet.training.clip_data import Material, open_cache
from transnet.training.datasets import FIXED_VIEW

CLIP = ClipConfig(frames=4, size=64)


@pytest.fixture
def material_of(clips_folder, tmp_path):
    """The material of a training of the generated clips; there is one at a time."""
    manifest, opened = open_dataset(clips_folder), []

    def make(**training):
        config = TrainingConfig(**{"freeze": False, "views": 3, **training})
        split = make_split(manifest, "group", validation=0.25, seed=0)
        classes = tuple(sorted({record.label for record in split.train}))
        found = find_weights("none", TINY_BACKBONE)
        info = RunInfo.describe(
            classes, (CLIP, ModelConfig(), config), found.backbone, "data", split
        )
        for cache in opened:
            cache.close()
        opened.append(open_cache(config, str(tmp_path / "cache")))
        material = Material(info, split, opened[-1], StageSeconds())
        network = info.build_model()
        network.backbone.freeze()
        material.prepare(network)
        return material

    yield make
    for cache in opened:
        cache.close()


def looks(dataset, draws):
    """How many different pictures a dataset gives of its first clip."""
    return len({dataset[0, draw][0].numpy().tobytes() for draw in draws})


def epoch_of(loader):
    """What the processes of a loader read, read here: they would outlive the test."""
    return torch.stack([loader.dataset[draw][0] for draw in loader.sampler])


def test_a_frozen_backbone_has_features_and_one_that_learns_has_frames(material_of):
    shapes = {}
    for name, options in {
        "features": {"freeze": True}, "clips": {"clip_cache": "jpeg"},
        "videos": {"clip_cache": "none"},
    }.items():  # fmt: skip
        material = material_of(**options)
        train, validation = material.loaders(material.train, material.validation)
        for loader in (train, validation):
            epoch = epoch_of(loader)
            assert len(epoch) == len(loader.dataset) > 0
            shapes[name] = tuple(epoch.shape[1:]), epoch.dtype
    assert shapes["features"] == ((4, 256), torch.float32)
    assert shapes["clips"] == shapes["videos"] == ((4, 64, 64, 3), torch.uint8)


@pytest.mark.parametrize("storage", ["uint8", "none"])
def test_validation_sees_what_the_evaluation_sees(material_of, storage):
    material = material_of(clip_cache=storage)
    _, loader = material.loaders(material.train, material.validation)
    frames = epoch_of(loader).numpy()
    for record, found in zip(material.validation, frames, strict=True):
        assert np.array_equal(found, read_clip(record.path, CLIP).frames)


def test_a_clip_is_seen_in_the_views_that_are_kept_and_mirrored(material_of):
    material = material_of(clip_cache="uint8")
    dataset = material.loaders(material.train, [])[0].dataset
    assert looks(dataset, range(100)) == 6
    assert looks(dataset, [FIXED_VIEW]) == 1
    one, mirrored = dataset[0, 0][0], dataset[0, 3][0]
    assert torch.equal(one, dataset[0, FIXED_VIEW][0])
    assert torch.equal(one.flip(2), mirrored)
    unmirrored = material_of(clip_cache="uint8", flip=False)
    dataset = unmirrored.loaders(unmirrored.train, [])[0].dataset
    assert looks(dataset, range(100)) == 3


def test_without_a_cache_every_look_is_new_and_nothing_is_kept(material_of, tmp_path):
    material = material_of(clip_cache="none")
    assert looks(material.loaders(material.train, [])[0].dataset, range(10)) == 10
    assert not (tmp_path / "cache/clips").exists()
    assert len(set(material.digests.values())) == len(material.train) + len(material.validation)


@pytest.mark.parametrize("storage", ["jpeg", "none"])
def test_an_epoch_depends_on_seed_and_number_alone(material_of, storage):
    def epoch(number, **options):
        material = material_of(clip_cache=storage, **options)
        loader = material.loaders(material.train, [])[0]
        loader.sampler.follow(lambda: number)
        return epoch_of(loader)

    assert torch.equal(epoch(0), epoch(0))
    assert not torch.equal(epoch(0), epoch(1))
    assert not torch.equal(epoch(0), epoch(0, seed=1))


@pytest.mark.parametrize("options", [{"freeze": True}, {"clip_cache": "jpeg"}])
def test_no_clip_is_alone_in_a_batch_to_learn_from(material_of, options):
    material = material_of(batch_size=2, **options)
    odd = material.train[:5]
    learned, measured = material.loaders(odd, odd)
    assert (len(learned), len(measured)) == (2, 3)
    assert len(material.loaders(material.train[:6], [])[0]) == 3
    assert len(material.loaders(material.train[:1], [])[0]) == 1
