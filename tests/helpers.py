"""What several tests use besides the fixtures."""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from transnet.data.video.writer import write_video

TINY_BACKBONE = "test_efficientnet.r160_in1k"
NO_MAP = "mixer_s32_224"  # gives pooled features only, of frames of 224 pixels


def numbered_frame(number: int, width: int, height: int) -> np.ndarray:
    """A picture that encodes its frame number: eight stripes, each a bit, bright or dark."""
    picture = np.zeros((height, width, 3), np.uint8)
    for bit in range(8):
        left, right = bit * width // 8, (bit + 1) * width // 8
        picture[:, left:right] = 220 if number >> bit & 1 else 35
    return picture


def frame_number(picture: np.ndarray) -> int:
    """The number that :func:`numbered_frame` drew."""
    stripes = np.array_split(picture.mean(axis=(0, 2)), 8)
    return sum(1 << bit for bit, stripe in enumerate(stripes) if stripe.mean() > 128)


def rotate(path: Path, matrix: tuple[int, int, int, int]) -> None:
    """Write a rotation into an MP4's header, as phones do: a, b, c, d of the display matrix."""
    content = bytearray(path.read_bytes())
    start = content.index(b"tkhd") + 4 + 4 + 20 + 16
    a, b, c, d = (value << 16 for value in matrix)
    content[start : start + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)


def count_entries(folder: Path, kind: str) -> int:
    """How many entries of a kind are in a cache, as another process sees it."""
    path = folder / "entries.sqlite"
    if not path.exists():
        return 0
    with closing(sqlite3.connect(path)) as database:
        try:
            keys = database.execute("SELECT key FROM entries").fetchall()
        except sqlite3.OperationalError:
            return 0  # no table yet
    return sum(bytes(key).startswith(f"{kind}|".encode()) for (key,) in keys)


def train_tiny(clips: Path, folder: Path, **settings: Any) -> Path:
    """Train a small recognizer on rendered clips, with its cache beside the run."""
    from transnet import ClipConfig, TrainingConfig, train

    return train(
        str(clips),
        out=str(folder / "run"),
        backbone=TINY_BACKBONE,
        weights="none",
        clip=ClipConfig(frames=4, size=64),
        training=TrainingConfig(epochs=3, views=2),
        cache=str(folder / "features"),
        **settings,
    )


def narrow_threshold(run: Path, strange: Path) -> None:
    """Lower the threshold to half of what tells a video: to a random backbone all look alike."""
    import torch

    import transnet
    from transnet.checkpoints.novelty import load_novelty, save_novelty
    from transnet.model.novelty import describe_frames

    detector = load_novelty(run)
    assert detector is not None
    frames = torch.from_numpy(transnet.load(run).embed(strange).frames)
    detector.threshold = float(detector.distances(describe_frames(frames[None]))) / 2
    save_novelty(run, detector)


def write_attributes(
    folder: Path, *, people: int = 8, takes: int = 2, num_frames: int = 16
) -> Path:
    """Clips of a square that slides or not, before stripes or a plain wall, independently.

    Returns:
        A CSV file with the labels ``sliding``, ``striped``, ``sliding|striped`` and ``_none``.
    """
    rng = np.random.default_rng(0)
    rows = ["path,label,group"]
    folder.mkdir(parents=True, exist_ok=True)
    for person, sliding, striped, take in np.ndindex(people, 2, 2, takes):
        name = f"person{person}-{sliding}{striped}-{take}.avi"
        frames = attribute_frames(rng, num_frames, sliding=bool(sliding), striped=bool(striped))
        write_video(folder / name, frames, Fraction(20))
        shown = [label for label, on in (("sliding", sliding), ("striped", striped)) if on]
        rows.append(f"{name},{'|'.join(shown) or '_none'},person{person}")
    (folder / "clips.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder / "clips.csv"


def attribute_frames(
    rng: np.random.Generator, num_frames: int, *, sliding: bool, striped: bool
) -> list[np.ndarray]:
    """Frames of one clip of :func:`write_attributes`."""
    wall = np.full((64, 64, 3), int(rng.integers(60, 200)), np.int64)
    if striped:
        wall[::4] += 50
    top, left = (int(rng.integers(4, 36)) for _ in range(2))
    frames = []
    for number in range(num_frames):
        picture = wall + rng.integers(-6, 7, wall.shape)
        at = (left + 3 * number) % 50 if sliding else left
        picture[top : top + 20, at : at + 14] = 128
        frames.append(picture.clip(0, 255).astype(np.uint8))
    return frames
