"""The picture of the architecture is that of the code."""

from itertools import pairwise

from scripts.draw_architecture import PAGE, PATH, PICTURE, picture, rendered
from scripts.layers import imports, modules


def test_the_picture_and_the_lists_are_up_to_date():
    page = PAGE.read_text(encoding="utf-8")
    assert page.count("<!-- end -->") == 2
    assert rendered(page) == page, "run make docs"
    assert PICTURE.read_text(encoding="utf-8") == picture(), "run make docs"


def test_the_path_of_a_clip_is_short_and_exists():
    assert len(PATH) <= 9
    names = [f"transnet.{name}" for name, _ in PATH]
    assert set(names) <= set(modules())
    imported = imports()
    importer = names[0]
    for before, name in pairwise(names):
        importer = before if name in imported[before] else importer
        assert name in imported[importer]
