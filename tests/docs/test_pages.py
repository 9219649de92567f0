"""The commands of every page are accepted; those of the task pages, and their snippets, run."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks, commands
from tests.helpers import TINY_BACKBONE
from transnet import cli

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# A tiny network, fewer views and epochs: enough to see that it works.
TINY = ["--backbone", TINY_BACKBONE, "--weights", "none"]
QUICK = {
    "audit": TINY,
    "demo": ["--small"],
    "train": [*TINY, "--size", "64", "--views", "1", "--epochs", "3"],
}
# Other tests run these: they need a network, a hub, or an hour, or they do not end by themselves.
ELSEWHERE = {"app", "serve", "push", "download", "benchmark", "reproduce"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_of_a_page_are_accepted(page):
    for _, text in blocks(page):
        for words in commands(text):
            name, *options = words
            assert name in cli.COMMANDS, words
            if "--config" in options:  # the file is the recipe tests'
                at = options.index("--config")
                assert (ROOT / options[at + 1]).is_file() or "recipes" not in options[at + 1]
                del options[at : at + 2]
            module, _, function = cli.COMMANDS[name][0].partition(":")
            found = getattr(__import__(module, fromlist=[function]), function)
            cli._parser(name, found).parse_args(options)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A user's folder, in which pages are followed."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def follow(page: str, ran: list[str], *without: str) -> None:
    """Run what a page says, but for commands that have any of these words."""
    names: dict[str, object] = {}  # a snippet may use those of the one before
    for language, text in blocks(ROOT / "docs" / page):
        if language == "python":
            exec(text, names)
            ran.append("python")
        for words in commands(text):
            line = " ".join(words)
            if words[0] not in ELSEWHERE and not any(part in line for part in without):
                assert cli.main([*words, *QUICK.get(words[0], [])]) == 0, words
                ran.append(words[0])


@pytest.mark.slow
def test_the_first_result_page(folder):
    ran: list[str] = []
    follow("first-result.md", ran)
    assert ran == ["demo", "python", "predict", "explain"]
    assert (folder / "runs/demo/run/report.html").is_file()
    assert (folder / "runs/demo/unseen_recognized.mp4").is_file()


@pytest.mark.slow
def test_the_page_of_your_own_data(folder, clips_folder):
    shutil.copytree(clips_folder, folder / "clips")
    ran: list[str] = []
    follow("your-data.md", ran)
    assert ran == [
        "check", "audit", "train", "evaluate", "predict", "explain", "python", "suggest",
        "python", "train", "evaluate", "predict", "python",
    ]  # fmt: skip


@pytest.mark.slow
def test_the_page_of_how_many_clips(folder, clips_folder):
    (folder / "clips").symlink_to(clips_folder)
    ran: list[str] = []
    follow("how-many-clips.md", ran, "ucf101")
    assert ran == ["train", "train"]
    assert Path("runs/four/results.csv").is_file()


@pytest.mark.slow
def test_the_live_page(folder, clips_folder, trained_run):
    (folder / "clips").symlink_to(clips_folder)
    shutil.copytree(trained_run, folder / "runs/mine")
    ran: list[str] = []
    follow("live.md", ran)
    assert ran == ["live", "predict", "predict", "python", "python"]
    assert list(Path("timelines").rglob("*.html"))


@pytest.mark.slow
def test_the_page_of_people(folder, clips_folder, trained_run, pretrained, capsys):
    (folder / "clips").symlink_to(clips_folder)
    shutil.copytree(trained_run, folder / "runs/mine")
    shutil.copytree(pretrained, folder / "runs/shape")
    ran: list[str] = []
    follow("people.md", ran)
    assert ran == [
        "predict", "predict", "live", "train", "evaluate", "predict", "predict", "python",
    ]  # fmt: skip
    assert re.search(r"^0\.\d+ \d+ Box\(.*\) stream", capsys.readouterr().out, re.MULTILINE)
    assert (folder / "people.html").is_file()
    assert (folder / "people.mp4").is_file()


@pytest.fixture
def film(folder, trained_run, make_video):
    """A folder with a run and a film."""
    shutil.copytree(trained_run, folder / "runs/mine")
    return make_video("film.mp4", 60)


def test_the_page_of_annotations(folder, film):
    (folder / "films").mkdir()
    for name in ("a.mp4", "b.mp4"):
        shutil.copy(film, folder / "films" / name)
    ran: list[str] = []
    follow("annotate.md", ran)
    assert ran == ["predict", "predict", "predict"]
    assert len(list((folder / "tasks").iterdir())) == 2
    assert (folder / "film.xml").is_file() and (folder / "film.eaf").is_file()


def test_the_page_of_exports(folder, film, exported):
    shutil.copytree(exported, folder / "exported")  # as the tests of exports write it
    film.rename(folder / "video.mp4")
    ran: list[str] = []
    follow("deploy.md", ran, "export ")
    assert ran == ["predict", "python", "python"]


def test_the_page_of_archives(folder, film):
    pytest.importorskip("pyarrow")
    (folder / "videos").mkdir()
    film.rename(folder / "videos/a.mp4")
    ran: list[str] = []
    follow("archive.md", ran, "s3:", "ray")
    assert ran == ["label", "python"]


def test_the_page_of_scale(folder, film):
    pytest.importorskip("pyarrow")
    (folder / "sample.txt").write_text(f"{film}\n")
    (folder / "RUN").symlink_to(folder / "runs/mine")
    ran: list[str] = []
    follow("scale.md", ran)
    assert ran == ["label"]


def test_every_page_is_in_the_site():
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert f": {page.name}\n" in text, f"add {page.name} to the nav of mkdocs.yml"


def test_pictures_are_small():
    pictures = list((ROOT / "docs/pictures").iterdir())
    assert pictures
    assert all(path.stat().st_size < 300_000 for path in pictures)


def test_the_numbers_of_the_readme_are_measured():
    pages = (ROOT / "docs/measurements.md", ROOT / "docs/motion.md")
    measured = "".join(page.read_text(encoding="utf-8") for page in pages)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = readme[readme.index("## Honest numbers") : readme.index("## Other installations")]
    numbers = re.findall(r"\d+\.\d+ ± \d+\.\d+", table)
    assert len(numbers) == 9
    assert all(number in measured for number in numbers)
