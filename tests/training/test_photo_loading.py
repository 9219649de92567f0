import numpy as np
import pytest
import torch
from PIL import Image

from transnet.config import PretrainingConfig
from transnet.data.photos.catalog import open_photos
from transnet.data.photos.photo import PERSON
from transnet.data.photos.transforms import PhotoTransform
from transnet.training.photo_loading import photo_loader

RED, BLUE = (255, 0, 0), (0, 0, 255)


@pytest.fixture
def photos(tmp_path):
    """A red photo, half of it a person, and a blue one without anybody."""
    for name, color in (("1", RED), ("2", BLUE)):
        mask = np.zeros((48, 48), np.uint8)
        mask[:, :24] = 255 if color == RED else 0
        for folder, pixels in (("images", np.full((48, 48, 3), color, np.uint8)), ("masks", mask)):
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / folder / f"{name}.png")
    return open_photos(str(tmp_path), validation="0.5", seed=0)


def scenes(photos, paste):
    """Mean colors of where the person is and of where it is not, of many augmented views."""
    config = PretrainingConfig(size=32, batch_size=2, workers=0, paste=paste)
    view = PhotoTransform(32, (0, 0, 0), (1, 1, 1))
    members = (*photos.train, *photos.validation)
    loader = photo_loader(members, view, config, training=True)
    found = []
    for epoch in range(12):
        loader.sampler.follow(lambda epoch=epoch: epoch)
        for pictures, masks in loader:
            for picture, mask in zip(pictures, masks, strict=True):
                person = mask == PERSON
                if person.float().mean() > 0.1 and (~person).float().mean() > 0.1:
                    found.append([picture[:, part].mean(dim=1) for part in (person, ~person)])
    return found


def is_blue(color):
    return bool(color[2] > color[0] + 0.2)


def test_people_are_set_before_other_photos(photos):
    found = scenes(photos, paste=1.0)
    assert found
    assert not any(is_blue(person) for person, _ in found)
    assert any(is_blue(behind) for _, behind in found)


@pytest.mark.parametrize(("batch_size", "batches"), [(1, [1, 1, 1]), (2, [2]), (3, [3]), (9, [3])])
def test_no_photo_is_left_alone_to_learn_from(photos, batch_size, batches):
    config = PretrainingConfig(size=32, batch_size=batch_size, workers=0)
    members = (*photos.train, *photos.validation, *photos.train)
    view = PhotoTransform(32, (0, 0, 0), (1, 1, 1))
    learned, measured = (
        [len(masks) for _, masks in photo_loader(members, view, config, training=training)]
        for training in (True, False)
    )
    assert learned == batches
    assert sum(measured) == 3


def test_nothing_is_pasted_where_nothing_shall_be(photos):
    found = scenes(photos, paste=0.0)
    assert found
    assert not any(is_blue(behind) for _, behind in found)


def test_photos_to_measure_on_are_left_as_they_are(photos):
    config = PretrainingConfig(size=48, batch_size=2, workers=0, paste=1.0)
    view = PhotoTransform(48, (0, 0, 0), (1, 1, 1))
    members = (*photos.train, *photos.validation)
    ((pictures, _),) = photo_loader(members, view, config, training=False)
    for picture in pictures:
        assert torch.equal(picture, picture[:, :1, :1].expand_as(picture))
