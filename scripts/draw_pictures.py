"""Draw the pictures of the documents from rendered people.

::

    transnet demo --out runs/demo
    python -m scripts.draw_pictures --run runs/demo/run              # the moving pictures
    python -m scripts.draw_pictures --app                            # the page (extra [browser])

Nobody real is shown. Every file is smaller than 300 kB.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from transnet.data.synthetic.clips import (
    random_background,
    random_person,
    render_clip,
    write_dataset,
)
from transnet.data.synthetic.figure import ACTIONS

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
MAX_BYTES = 300_000
FRAME_MS = 100
COLORS = ("#2fb8a0", "#b62fb8", "#86b82f", "#b8782f", "#2f6db8", "#b82f4c")
INK, PAPER, LINE = "#1a1c1b", "#fffef9", "#e4e1d6"


def main() -> None:
    """Draw what was asked for."""
    parser = argparse.ArgumentParser(description="draw the pictures of the documents")
    parser.add_argument("--run", help="run folder of transnet demo: draw the moving pictures")
    parser.add_argument("--app", action="store_true", help="draw the page of transnet app")
    asked = parser.parse_args()
    PICTURES.mkdir(exist_ok=True)
    if asked.run:
        save("actions.webp", actions())
        save("timeline.webp", timeline(asked.run))
    if asked.app:
        save("app.webp", [page()])


def save(name: str, frames: Sequence[Image.Image]) -> None:
    """Write an animation, or a picture if there is one frame, and check its size."""
    path = PICTURES / name
    more: dict[str, Any] = {}
    if len(frames) > 1:
        more = {"save_all": True, "append_images": frames[1:], "duration": FRAME_MS, "loop": 0}
    frames[0].save(path, quality=60, method=6, **more)
    size = path.stat().st_size
    assert size < MAX_BYTES, f"{path} has {size} bytes"
    print(f"saved to {path} ({size / 1000:.0f} kB, {len(frames)} frames)")


def actions() -> list[Image.Image]:
    """A person for each action, in a grid."""
    rng = np.random.default_rng(3)
    clips = [
        render_clip(action, random_person(rng), rng, num_frames=40)[0][::2] for action in ACTIONS
    ]
    wide, high, font = 200, 150, ImageFont.load_default(16)
    shown = []
    for number in range(len(clips[0])):
        grid = Image.new("RGB", (3 * wide, 2 * (high + 24)), PAPER)
        draw = ImageDraw.Draw(grid)
        for place, (action, clip) in enumerate(zip(ACTIONS, clips, strict=True)):
            x, y = place % 3 * wide, place // 3 * (high + 24)
            grid.paste(Image.fromarray(clip[number]).resize((wide, high)), (x, y))
            draw.text((x + 8, y + high + 2), action, INK, font)
        shown.append(grid)
    return shown


def timeline(run: str) -> list[Image.Image]:
    """A person who does three actions one after the other, as a stream recognizes them."""
    from transnet.inference.recognizer import load

    rng = np.random.default_rng(11)
    person, room = random_person(rng), random_background(rng)
    order = ("boxing", "handwaving", "walking")
    parts = [render_clip(one, person, rng, num_frames=60, background=room)[0] for one in order]
    recognizer = load(run)
    session = recognizer.stream_session()
    labels: list[str] = []
    shown = []
    total = sum(map(len, parts))
    for number, pixels in enumerate(np.concatenate(parts)):
        found = session.push(pixels, number / 20)
        labels.append(found.label if found else "")
        if number % 2 == 0:
            shown.append(_moment(pixels, labels, total, found, recognizer.classes))
    return shown


def _moment(
    pixels: Any, labels: Sequence[str], total: int, found: Any, classes: Sequence[str]
) -> Image.Image:
    color = dict(zip(classes, COLORS, strict=False))
    picture = Image.new("RGB", (560, 300), PAPER)
    picture.paste(Image.fromarray(pixels).resize((320, 240)), (0, 0))
    draw = ImageDraw.Draw(picture)
    draw.text((340, 14), labels[-1] or "...", INK, ImageFont.load_default(28))
    for row, label in enumerate(classes):
        y = 66 + 28 * row
        draw.text((340, y - 4), label, INK, ImageFont.load_default(14))
        draw.rectangle((450, y, 548, y + 10), LINE)
        share = found.scores.get(label, 0.0) if found else 0.0
        draw.rectangle((450, y, 450 + 98 * share, y + 10), color[label])
    draw.rectangle((10, 256, 549, 280), LINE)
    for at, label in enumerate(labels):
        if label in color:
            x = 10 + 539 * at / total
            draw.rectangle((x, 256, x + 539 / total, 280), color[label])
    draw.text((10, 282), f"{len(labels) / 20:.1f} s", INK, ImageFont.load_default(12))
    return picture


def page() -> Image.Image:
    """The page of ``transnet app`` after a training on clips that were dropped on it."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as scratch:
        clips = write_dataset(
            Path(scratch) / "clips", people=5, clips=1, actions=("boxing", "handwaving", "walking")
        )
        command = [sys.executable, "-m", "transnet", "app", f"{scratch}/movements", "--port", "0"]
        with (
            open(f"{scratch}/log", "w") as log,
            subprocess.Popen([*command, "--no-browser"], stderr=log) as process,
            sync_playwright() as running,
        ):
            chromium = shutil.which("chromium") or shutil.which("google-chrome")
            browser = running.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            view = browser.new_page(viewport={"width": 1280, "height": 760})
            view.goto(_address(Path(scratch) / "log"))
            _teach(view, clips)
            view.click("#tab-try")
            view.set_input_files("#try-file", str(next((clips / "walking").rglob("*.avi"))))
            view.wait_for_selector("#try-bars .score")
            view.wait_for_timeout(500)
            view.screenshot(path=f"{scratch}/page.png")
            browser.close()
            process.terminate()
        with Image.open(f"{scratch}/page.png") as picture:
            return picture.convert("RGB")


def _teach(view: Any, clips: Path) -> None:
    for number, folder in enumerate(sorted(clips.iterdir()), 1):
        view.fill("#class-name", folder.name)
        view.click("#add-class button")
        card = f".class-card:nth-child({number})"
        view.wait_for_selector(card)
        files = sorted(folder.rglob("*.avi"))
        view.set_input_files(f"{card} input[type=file]", [str(path) for path in files])
        view.wait_for_selector(f"{card} .thumb:nth-child({len(files)})", timeout=120_000)
    view.click("#train")
    view.wait_for_selector("#result:not([hidden])", timeout=120_000)
    view.wait_for_selector("#toast", state="hidden", timeout=60_000)


def _address(log: Path) -> str:
    for _ in range(600):
        if found := re.search(r"http://\S+", log.read_text()):
            return found[0]
        time.sleep(0.1)
    raise SystemExit(f"transnet app did not start: {log.read_text()}")


if __name__ == "__main__":
    main()
