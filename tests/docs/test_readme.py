"""What the README tells a user to type is typed here, in order, in an empty folder."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"
BLOCKS = re.findall(r"```(bash|python)\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)

# A quarter of the views, one look at the photos: enough to see that it works.
QUICK = {
    "train": ["--views", "1", "--epochs", "5"],
    "pretrain": ["--epochs", "1"],
}


@pytest.fixture
def user_folder(shared, clips_folder, tmp_path, monkeypatch):
    """A user's folder with clips, a part of UCF101, and ImageNet weights."""
    shutil.copytree(clips_folder, tmp_path / "clips")
    ucf101 = tmp_path / "UCF101"
    shutil.copytree(shared / "data/ucf101/ucfTrainTestlist", ucf101 / "lists")
    for label in ("PushUps", "BabyCrawling"):
        (ucf101 / label).mkdir()
        for clip in sorted((shared / "data/ucf101/videos" / label).glob("*_c01.avi")):
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


def test_the_readmes_commands_work(user_folder):
    ran = []
    for language, text in BLOCKS:
        if language == "python":
            shown = subprocess.run(
                [sys.executable, "-c", text], check=True, capture_output=True, text=True
            )
            assert shown.stdout.startswith(("boxing", "handwaving", "walking"))
            ran.append("python")
        for line in text.splitlines():
            if line.startswith("transnet "):
                words = line.split()
                subprocess.run([sys.executable, "-m", *words, *QUICK.get(words[1], [])], check=True)
                ran.append(words[1])
    assert ran == [
        "train", "evaluate", "predict", "python", "check", "audit", "live", "predict", "python",
        "train", "evaluate", "audit", "pretrain", "train", "segment", "explain", "reproduce",
        "export", "predict", "benchmark",
    ]  # fmt: skip
    assert (user_folder / "timelines/person01/take1.avi.html").exists()
    assert (user_folder / "runs/mine/report.html").exists()
    assert (user_folder / "runs/ucf101/report.html").exists()
    assert (user_folder / "segmented/photo_person.jpg").exists()
