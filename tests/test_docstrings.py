"""The examples in docstrings run, and print what they show."""

import doctest
import importlib

import pytest

import transnet
from scripts.layers import modules

EXAMPLES = {
    name: text
    for name, path in modules().items()
    if ">>> " in (text := path.read_text(encoding="utf-8"))
}
# What the examples may name: files and folders, by the fixture that makes them.
FOLDERS = {
    "clips": "clips_folder",
    "runs/mine": "trained_run",
    "runs/exercises": "trained_run",
    "runs/shape": "pretrained",
    "exported": "exported",
}


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_the_examples_of(name, tmp_path, monkeypatch, request):
    monkeypatch.chdir(tmp_path)
    if '"clip.mp4"' in EXAMPLES[name]:
        request.getfixturevalue("make_video")("clip.mp4", 40)
    for folder, fixture in FOLDERS.items():
        if f'"{folder}"' in EXAMPLES[name]:
            (tmp_path / folder).parent.mkdir(exist_ok=True)
            (tmp_path / folder).symlink_to(request.getfixturevalue(fixture))
    public = {public: getattr(transnet, public) for public in transnet.__all__}
    failed, _ = doctest.testmod(
        importlib.import_module(name),
        extraglobs={"transnet": transnet, **public},
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE,
    )
    assert not failed


def test_every_public_name_has_an_example():
    documented = [name for name in transnet.__all__ if name != "__version__"]
    without = [name for name in documented if ">>> " not in getattr(transnet, name).__doc__]
    assert not without


def test_no_example_is_skipped():
    assert not [name for name, text in EXAMPLES.items() if "doctest: +SKIP" in text]
