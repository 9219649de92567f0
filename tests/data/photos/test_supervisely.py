import base64
import io
import json
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from transnet.data.photos.catalog import open_photos
from transnet.data.photos.photo import NEUTRAL
from transnet.data.photos.supervisely import read_annotation
from transnet.errors import PhotoError, TransNetError


def bitmap(mask, origin=(0, 0), *, title="person_bmp", kind="palette"):
    """An object as Supervisely writes it: base64 of zlib of PNG."""
    values = mask.astype(np.uint8)
    if kind == "palette":
        picture = Image.fromarray(values).convert("P")
        picture.putpalette([0, 0, 0, 255, 255, 255])
        saved = {"transparency": 0}
    elif kind == "alpha":
        picture, saved = Image.fromarray(np.stack([255 * values] * 4, axis=2)), {}
    else:
        picture, saved = Image.fromarray(255 * values), {}
    png = io.BytesIO()
    picture.save(png, "PNG", **saved)
    data = base64.b64encode(zlib.compress(png.getvalue())).decode()
    return {"classTitle": title, "bitmap": {"origin": list(origin), "data": data}}


def polygon(exterior, *interior, title="person_poly"):
    points = {"exterior": exterior, "interior": list(interior)}
    return {"classTitle": title, "points": points, "bitmap": None}


def square(left, top, side):
    right, bottom = left + side - 1, top + side - 1
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def annotate(path, *objects, size=(40, 30)):
    path.parent.mkdir(parents=True, exist_ok=True)
    annotation = {"size": {"width": size[0], "height": size[1]}, "objects": list(objects)}
    path.write_text(json.dumps(annotation))
    return path


def add_photo(root, name, *objects, size=(40, 30), annotation=None):
    path = root / "img" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size).save(path)
    annotate(root / "ann" / (annotation or f"{path.stem}.json"), *objects, size=size)


@settings(deadline=None)
@given(
    mask=arrays.arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))),
    left=st.integers(-12, 45), top=st.integers(-12, 35),
    kind=st.sampled_from(["palette", "alpha", "plain"]),
)  # fmt: skip
def test_a_bitmap_lands_at_its_origin(tmp_path_factory, mask, left, top, kind):
    path = tmp_path_factory.getbasetemp() / "bitmap.json"
    found = read_annotation(annotate(path, bitmap(mask, (left, top), kind=kind)))
    expected = np.zeros((30 + 60, 40 + 60), np.uint8)  # with room for what sticks out
    height, width = mask.shape
    expected[30 + top : 30 + top + height, 30 + left : 30 + left + width] = mask
    assert np.array_equal(found, expected[30:60, 30:70])


def test_polygons_have_holes(tmp_path):
    found = read_annotation(
        annotate(tmp_path / "a.json", polygon(square(5, 5, 20), square(10, 10, 5)))
    )
    assert found[5:25, 5:25].sum() == found.sum() == 20 * 20 - 5 * 5
    assert not found[10:15, 10:15].any()


def test_a_hole_of_one_person_does_not_erase_another(tmp_path):
    found = read_annotation(annotate(
        tmp_path / "a.json", bitmap(np.ones((30, 40))), polygon(square(5, 5, 20), square(9, 9, 5))
    ))  # fmt: skip
    assert found.all()


@pytest.mark.parametrize("neutral_first", [True, False])
def test_neutral_areas_do_not_count_whatever_their_form_and_order(tmp_path, neutral_first):
    objects = [
        polygon(square(0, 0, 20)),
        polygon(square(10, 0, 10), title="neutral"),
        bitmap(np.ones((5, 5)), (0, 20), title="neutral"),
        polygon(square(30, 20, 5), title="dog"),
    ]
    found = read_annotation(annotate(tmp_path / "a.json", *objects[:: -1 if neutral_first else 1]))
    assert (found == NEUTRAL).sum() == 10 * 10 + 5 * 5
    assert (found == 1).sum() == 20 * 20 - 10 * 10


def test_a_project_is_read_as_it_was_published_and_as_it_is_exported_now(tmp_path):
    add_photo(tmp_path / "ds1", "a.png", bitmap(np.ones((3, 3)), (1, 2)))
    add_photo(tmp_path / "ds2", "a.png", polygon(square(0, 0, 9)), annotation="a.png.json")
    parts = open_photos(f"supervisely:{tmp_path}", validation="0.5")
    photos = {photo.name: photo.read() for photo in (*parts.train, *parts.validation)}
    assert {name: int(photo.mask.sum()) for name, photo in photos.items()} == {
        "ds1/a": 9, "ds2/a": 81
    }  # fmt: skip


def test_projects_that_are_none(tmp_path):
    with pytest.raises(TransNetError, match="holds no photo like ds1/img/NAME.png"):
        open_photos(f"supervisely:{tmp_path}")
    add_photo(tmp_path / "ds1", "a.png")
    (tmp_path / "ds1/ann/a.json").unlink()
    with pytest.raises(TransNetError, match=r"1 of 1 photos have no annotation \(first: .*a.png\)"):
        open_photos(f"supervisely:{tmp_path}")


def broken(**changes):
    return {**bitmap(np.ones((3, 3))), **changes}


BOMB = base64.b64encode(zlib.compress(bytes(80 << 20))).decode()
WIDE = io.BytesIO()
Image.new("1", (20000, 9000)).save(WIDE, "PNG")
WIDE = base64.b64encode(zlib.compress(WIDE.getvalue())).decode()


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (broken(bitmap={"origin": [0, 0], "data": "%%%"}), "not a valid annotation"),
        (broken(bitmap={"origin": [0, 0], "data": "aGVsbG8="}), "not a valid annotation"),
        (broken(bitmap={"origin": [0, 0], "data": BOMB}), "a bitmap has more than"),
        (broken(bitmap={"origin": [0, 0], "data": WIDE}), "has more than .* pixels"),
        (broken(bitmap={"origin": [0, 0]}), "lacks 'data'"),
        (broken(bitmap={"origin": [0], "data": ""}), "is not a picture"),
        (broken(bitmap=None), "lacks 'points'"),
        (broken(bitmap="text"), "not a valid annotation"),
        (polygon([[0, 0], [1, 1]]), "a polygon has the corners"),
        (polygon([[0, 0], [1, 1], [float("nan"), 2]]), "a polygon has the corners"),
        (polygon([[0, 0], [1, 1], [1, 2, 3]]), "not a valid annotation"),
        (polygon("corners"), "not a valid annotation"),
        ({"bitmap": {}}, "lacks 'classTitle'"),
        ("text", "not a valid annotation"),
    ],
)
def test_broken_objects_are_named(tmp_path, item, reason):
    with pytest.raises(PhotoError, match=f"a.json: .*{reason}"):
        read_annotation(annotate(tmp_path / "a.json", item))


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{", "null", "[" * 100_000, '{"size": {"height": 3, "width": 3}}',
        '{"size": {"height": 1e9, "width": 1e9}, "objects": []}',
        '{"size": {"height": -3, "width": -3}, "objects": []}',
        '{"size": {"height": 1e999, "width": 3}, "objects": []}',
        '{"size": {"height": "x", "width": 3}, "objects": []}',
    ],
)  # fmt: skip
def test_broken_annotations_are_named(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(PhotoError, match=r"a.json: is not a valid annotation"):
        read_annotation(tmp_path / "a.json")


def test_an_annotation_of_another_aspect_is_refused(tmp_path):
    add_photo(tmp_path / "ds1", "a.png")
    add_photo(tmp_path / "ds1", "b.png")
    for name in "ab":
        annotate(tmp_path / f"ds1/ann/{name}.json", size=(30, 40))
    with pytest.raises(PhotoError, match="the mask is 30 x 40 pixels and its photo 40 x 30"):
        open_photos(f"supervisely:{tmp_path}").train[0].read()
