"""The Python of docs/extend.md runs, from top to bottom."""

import logging
import re
from contextlib import suppress
from pathlib import Path

import pytest

from transnet.model import own_parts

PAGE = Path(__file__).parents[2] / "docs/extend.md"


@pytest.fixture
def unchanged(monkeypatch):
    """What the page registers and changes is gone after the test."""
    for registry in ("_TEMPORAL", "_BACKBONES"):
        monkeypatch.setattr(own_parts, registry, {})
    messages = logging.getLogger("transnet")
    monkeypatch.setattr(messages, "handlers", list(messages.handlers))
    monkeypatch.setattr(messages, "propagate", messages.propagate)


@pytest.mark.slow
@pytest.mark.usefixtures("unchanged")
def test_the_page_runs(tmp_path, monkeypatch, clips_folder, make_video, capsys):
    make_video("clip.mp4", 40)
    (tmp_path / "clips").symlink_to(clips_folder)
    monkeypatch.chdir(tmp_path)
    snippets = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(snippets) == 6
    names = {"__name__": "__main__"}
    for snippet in snippets:
        with suppress(SystemExit):  # of a command, whose output is checked below
            exec(compile(snippet, PAGE.name, "exec"), names)
    printed = capsys.readouterr().out
    assert "clip.mp4: " in printed
    assert "epoch 1: " in printed
