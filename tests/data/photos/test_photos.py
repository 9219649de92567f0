import shutil

import numpy as np
import pytest
from PIL import Image

from transnet.data.photos.catalog import open_photos, resolve_photos
from transnet.data.photos.photo import NEUTRAL, PERSON
from transnet.errors import PhotoError, TransNetError

LEFT = np.zeros((60, 80), np.uint8)
LEFT[:, :40] = 255


def write_photo(folder, name, *, mask=LEFT, size=(80, 60), **saved):
    for part in ("images", "masks"):
        (folder / part / name).parent.mkdir(parents=True, exist_ok=True)
    photo = folder / "images" / f"{name}.jpg"
    Image.new("RGB", size, (200, 30, 40)).save(photo, **saved)
    if mask is not None:
        Image.fromarray(mask).save(folder / "masks" / f"{name}.png")
    return photo


@pytest.fixture
def photos(tmp_path):
    for number in range(1, 11):
        write_photo(tmp_path, str(number))
    return tmp_path


def names(part):
    return {photo.name for photo in part}


def test_a_photo_and_its_mask(photos):
    photo = open_photos(str(photos)).train[0].read()
    assert photo.pixels.shape == (60, 80, 3)
    assert photo.pixels.dtype == photo.mask.dtype == np.uint8
    assert np.array_equal(photo.mask, LEFT // 255)


def test_a_share_is_chosen_by_the_seed(photos):
    parts = [open_photos(str(photos), validation="0.3", seed=seed) for seed in (0, 0, 1)]
    assert all((len(p.train), len(p.validation)) == (7, 3) for p in parts)
    assert all(not names(p.train) & names(p.validation) for p in parts)
    assert names(parts[0].validation) == names(parts[1].validation)
    assert names(parts[0].validation) != names(parts[2].validation)


def test_a_range_of_numbered_photos(photos):
    parts = open_photos(str(photos), validation="9-10")
    assert names(parts.validation) == {"9", "10"}
    assert len(parts.train) == 8


def test_folders_that_are_the_parts(tmp_path):
    for part, name in (("train", "anna"), ("train", "park/bob"), ("validation", "carl")):
        write_photo(tmp_path / part, name)
    parts = open_photos(str(tmp_path))
    assert names(parts.train) == {"anna", "park/bob"}
    assert names(parts.validation) == {"carl"}
    with pytest.raises(TransNetError, match="validation is '0.3', but .* has its own split"):
        open_photos(str(tmp_path), validation="0.3")


@pytest.mark.parametrize("validation", ["0", "1", "1.5", "-1", "some", "nan", "11-20", "1-10", ""])
def test_a_validation_part_that_cannot_be_chosen_is_named(photos, validation):
    with pytest.raises(TransNetError, match=f"validation is '{validation}'.*accepted: a share"):
        open_photos(str(photos), validation=validation)


@pytest.mark.parametrize("shape", [(30, 40), (31, 41), (120, 160), (6, 8)])
def test_a_mask_may_have_another_size_at_the_same_aspect(tmp_path, shape):
    mask = np.zeros(shape, np.uint8)
    mask[:, : shape[1] // 2] = 255
    write_photo(tmp_path, "1", mask=mask)
    write_photo(tmp_path, "2")
    photo = open_photos(str(tmp_path), validation="2-2").train[0].read()
    assert photo.mask.shape == (60, 80)
    assert abs(int((photo.mask == PERSON).sum()) - 2400) <= 120


@pytest.mark.parametrize("shape", [(80, 60), (60, 60), (55, 80)])
def test_a_mask_of_another_aspect_is_refused(tmp_path, shape):
    write_photo(tmp_path, "1", mask=np.zeros(shape, np.uint8))
    write_photo(tmp_path, "2")
    with pytest.raises(PhotoError, match=r"1.png: the mask is .* accepted: any size at the photo"):
        open_photos(str(tmp_path), validation="2-2").train[0].read()


def test_phones_rotation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x112] = 6
    write_photo(tmp_path, "1", mask=np.ascontiguousarray(LEFT.T), exif=exif)
    write_photo(tmp_path, "2")
    photo = open_photos(str(tmp_path), validation="2-2").train[0].read()
    assert photo.pixels.shape[:2] == photo.mask.shape == (80, 60)


KINDS = (
    "0 and 1", "colors", "palette", "one bit", "16 bits", "cut out", "cut out of gray",
    "transparent at the edge",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_masks_of_other_kinds(tmp_path, kind):
    write_photo(tmp_path, "1", mask=LEFT // 255)
    write_photo(tmp_path, "2")
    mask = tmp_path / "masks/1.png"
    if kind == "16 bits":
        Image.fromarray(LEFT.astype(np.uint16) * 257).save(mask)
    elif kind.startswith("cut out"):  # what shows the person is what is not transparent
        mode = "LA" if kind.endswith("gray") else "RGBA"
        picture = Image.new(mode, (80, 60), 0 if mode == "LA" else (90, 60, 50, 0))
        picture.putalpha(Image.fromarray(LEFT))
        picture.save(mask)
    elif kind == "transparent at the edge":
        opacity = np.full_like(LEFT, 255)
        opacity[:, 70:] = 0
        picture = Image.merge("LA", (Image.fromarray(LEFT), Image.fromarray(opacity)))
        picture.save(mask)
    elif kind != "0 and 1":
        mode = {"colors": "RGB", "palette": "P", "one bit": "1"}[kind]
        Image.fromarray(LEFT).convert(mode).save(mask)
    photo = open_photos(str(tmp_path), validation="2-2").train[0].read()
    assert np.array_equal(photo.mask, LEFT // 255)


def test_a_cut_out_of_nobody_is_empty(tmp_path):
    write_photo(tmp_path, "1")
    write_photo(tmp_path, "2")
    Image.new("RGBA", (80, 60), (255, 255, 255, 0)).save(tmp_path / "masks/1.png")
    assert not open_photos(str(tmp_path), validation="2-2").train[0].read().mask.any()


def test_photos_of_sixteen_bits_keep_their_shades(photos):
    shades = np.linspace(0, 65535, 60 * 80).reshape(60, 80).astype(np.uint16)
    (photos / "images/1.jpg").unlink()
    Image.fromarray(shades).save(photos / "images/1.png")
    pixels = open_photos(str(photos), validation="2-2").train[0].read().pixels
    assert np.array_equal(pixels[:, :, 0], shades >> 8)


def test_a_mask_of_numbered_people_is_not_taken_for_an_empty_one(tmp_path):
    write_photo(tmp_path, "1", mask=LEFT // 255 * 2)
    write_photo(tmp_path, "2")
    with pytest.raises(PhotoError, match="has no white, its brightest value is 2; accepted"):
        open_photos(str(tmp_path), validation="2-2").train[0].read()
    Image.fromarray(LEFT.astype(np.uint16) + 45).save(tmp_path / "masks/1.png")  # 45 and 300
    with pytest.raises(PhotoError, match="has no white, its brightest value is 300; accepted"):
        open_photos(str(tmp_path), validation="2-2").train[0].read()


def test_photos_without_a_mask_are_counted(photos):
    (photos / "masks/3.png").unlink()
    with pytest.raises(TransNetError, match=r"1 of 10 photos have no mask \(first: .*3.jpg\)"):
        open_photos(str(photos))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is not a picture"),
        (b"hello", "is not a picture"),
        ("cut", "cannot be read"),
        ("bomb", "has more than"),
        (None, "does not exist"),
    ],
)
def test_broken_photos_are_named(photos, content, reason):
    path = photos / "images/1.jpg"
    photo = open_photos(str(photos), validation="2-10").train[0]
    if content is None:
        path.unlink()
    elif content == "cut":
        path.write_bytes(path.read_bytes()[:-200])
    elif content == "bomb":
        Image.new("1", (12000, 9000)).save(path, "PNG")
    else:
        path.write_bytes(content)
    with pytest.raises(PhotoError, match=f"1.jpg: {reason}"):
        photo.read()


def test_what_is_no_data_set_is_named(tmp_path):
    with pytest.raises(TransNetError, match="is not a folder; accepted: a folder with images/"):
        open_photos(str(tmp_path / "none"))
    with pytest.raises(TransNetError, match="accepted: a folder with images/ and masks/"):
        open_photos(str(tmp_path))
    (tmp_path / "ds1/ann").mkdir(parents=True)
    with pytest.raises(TransNetError, match="looks like a Supervisely project: supervisely:"):
        open_photos(str(tmp_path))
    shutil.rmtree(tmp_path / "ds1")
    for part in ("images", "masks"):
        (tmp_path / part).mkdir()
    with pytest.raises(TransNetError, match="holds no picture"):
        open_photos(str(tmp_path))


def test_generated_people_are_groups_and_have_exact_masks():
    parts = open_photos("synthetic:5", validation="0.2", seed=3)
    assert (len(parts.train), len(parts.validation)) == (24, 6)
    assert not {p.group for p in parts.train} & {p.group for p in parts.validation}
    photo, again = (open_photos("synthetic:5", seed=3).train[0].read() for _ in range(2))
    assert np.array_equal(photo.pixels, again.pixels)
    assert photo.pixels.shape == (240, 320, 3)
    assert 0.02 < photo.mask.mean() < 0.3
    assert NEUTRAL not in photo.mask
    for wrong in ("synthetic:some", "synthetic:1", "synthetic:-3"):
        with pytest.raises(TransNetError, match=f"data is '{wrong}'; accepted: synthetic"):
            open_photos(wrong)


def test_names_of_data_mean_the_same_everywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert resolve_photos("photos") == str(tmp_path / "photos")
    assert resolve_photos("supervisely:x") == f"supervisely:{tmp_path / 'x'}"
    assert resolve_photos("synthetic:9") == "synthetic:9"


def test_real_photos_and_their_smaller_masks(shared):
    parts = open_photos(str(shared / "data/human_seg"), validation="201-230")
    assert (len(parts.train), len(parts.validation)) == (200, 30)
    photo = next(p for p in parts.train if p.name == "100").read()
    assert photo.pixels.shape[:2] == photo.mask.shape
    shares = [(p.read().mask == PERSON).mean() for p in parts.validation[:8]]
    assert all(0.02 < share < 0.95 for share in shares)
