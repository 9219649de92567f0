"""The commands and snippets of the README run, in order, in a user's folder."""

import contextlib
import io
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from transnet.cli import main

README = Path(__file__).parents[2] / "README.md"
BLOCKS = re.findall(r"```(bash|python)\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)

# Fewer views, epochs, and parts: enough to see that it works. test_benchmark.py runs every part.
QUICK = {
    "train": ["--views", "1", "--epochs", "5"],
    "pretrain": ["--epochs", "1"],
    "benchmark": ["--parts", "decoding"],
}


@pytest.fixture
def user_folder(shared, clips_folder, tmp_path, monkeypatch):
    """A user's folder with clips, a part of UCF101, photos, and ImageNet weights."""
    shutil.copytree(clips_folder, tmp_path / "clips")
    ucf101 = tmp_path / "UCF101"
    shutil.copytree(shared / "data/ucf101/ucfTrainTestlist", ucf101 / "lists")
    for label in ("PushUps", "BabyCrawling"):
        (ucf101 / label).mkdir()
        for group in (1, 2, 8, 9, 10, 11, 12, 13):  # 1 to 7 are the first official test part
            clip = shared / f"data/ucf101/videos/{label}/v_{label}_g{group:02}_c01.avi"
            (ucf101 / label / clip.name).symlink_to(clip)
    for part in ("images/{}.jpg", "masks/{}.png"):
        for number in range(1, 9):
            copy = tmp_path / "photos" / part.format(number)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(shared / "data/human_seg" / part.format(number), copy)
    shutil.copy(shared / "data/human_seg/images/1.jpg", tmp_path / "photo.jpg")
    monkeypatch.setenv("TRANSNET_WEIGHTS", str(shared / "weights"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_readmes_commands_work(user_folder):
    ran = []
    for language, text in BLOCKS:
        if language == "python":
            shown = io.StringIO()
            with contextlib.redirect_stdout(shown):
                exec(text, {})
            assert shown.getvalue().startswith(("boxing", "handwaving", "walking"))
            ran.append("python")
        for line in text.splitlines():
            if line.startswith("transnet "):
                words = line.split()[1:]
                run([*words, *QUICK.get(words[0], [])], in_a_process=not ran)
                ran.append(words[0])
    assert ran == [
        "train", "evaluate", "predict", "python", "check", "audit", "live", "predict", "python",
        "train", "evaluate", "audit", "pretrain", "train", "segment", "explain", "reproduce",
        "export", "predict", "benchmark",
    ]  # fmt: skip
    assert (user_folder / "timelines/person01/take1.avi.html").exists()
    assert (user_folder / "runs/mine/report.html").exists()
    assert (user_folder / "runs/ucf101/report.html").exists()
    assert (user_folder / "segmented/photo_person.jpg").exists()


def run(words, *, in_a_process):
    """Run a command; one in a process of its own, the others where torch is already imported."""
    if in_a_process:
        subprocess.run([sys.executable, "-m", "transnet", *words], check=True)
    else:
        assert main(words) == 0


def test_the_torch_that_the_readme_installs_is_the_pinned_one():
    pins = (README.parent / "constraints.txt").read_text(encoding="utf-8").splitlines()
    named = re.findall(r"torch(?:vision)?==\S+", README.read_text(encoding="utf-8"))
    assert len(named) == 2
    assert set(named) <= set(pins)
