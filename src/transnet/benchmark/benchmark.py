"""``transnet benchmark``: how fast things are on this machine, beside what they compare with.

Every part runs in a process of its own for each number of threads, so that the number holds, what
one part leaves in memory hinders no other, and a part that is killed takes no other with it.
"""

from __future__ import annotations

import importlib
import logging
import multiprocessing
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from transnet.benchmark.contest import MIN_ROUNDS, Pace, reason
from transnet.benchmark.machine import Machine, this_machine
from transnet.benchmark.measurement import (
    Measurement,
    Record,
    read_csv,
    text_table,
    to_json,
    write_csv,
)
from transnet.benchmark.report import sections, summary, write_page
from transnet.benchmark.rivals import RIVALS
from transnet.benchmark.setting import Setting
from transnet.checkpoints.backbone_weights import DEFAULT_BACKBONE
from transnet.config import ClipConfig
from transnet.data.datasets.catalog import open_dataset
from transnet.data.manifest import ClipRecord
from transnet.data.synthetic.clips import write_dataset
from transnet.data.video.reader import VIDEO_SUFFIXES
from transnet.errors import TransNetError
from transnet.runtimes.engines import RUNTIMES, installed_runtimes
from transnet.utils.progress import say
from transnet.utils.threads import usable_cores

Name = TypeVar("Name", bound=str)

PARTS = {
    "stream": "transnet.benchmark.stream",
    "clips": "transnet.benchmark.clips",
    "temporal": "transnet.benchmark.temporal",
    "int8": "transnet.benchmark.integers",
    "features": "transnet.benchmark.features",
    "training": "transnet.benchmark.training",
    "decoding": "transnet.benchmark.decoding",
    "answers": "transnet.benchmark.answers",
    "startup": "transnet.benchmark.startup",
}
"""Name to a module with ``measure(setting)``."""

OF_EVERY_THREADS = ("stream", "clips")
ON_ONE_CORE = ("temporal", "int8")

MINIATURE_BACKBONE = "test_efficientnet.r160_in1k"
MINIATURE_CLIP = ClipConfig(frames=4, size=64)
NUM_CLIPS = 16


def benchmark(
    *,
    out: str = "benchmark",
    data: str | None = None,
    parts: str = "all",
    backbone: str | None = None,
    weights: str = "none",
    clip: ClipConfig = ClipConfig(),
    runtimes: str = "all",
    rivals: str = "all",
    same_clips: bool = False,
    threads: str = "1,all",
    batches: str = "1,8",
    clips: int = NUM_CLIPS,
    rounds: int = 7,
    max_seconds: float = 60.0,
    quick: bool = False,
    json: bool = False,
) -> int:
    """Measure speed on this machine, side by side with what it can be compared with.

    Args:
        out: folder for benchmark.csv and benchmark.html (--quick: quick in it); rows of parts that
            are not measured now stay in them
        data: a dataset, as transnet train takes it, or a video; by default clips are generated
        parts: which parts, separated by commas: stream (a new frame beside a bare backbone and a
            recomputed clip), clips (beside 3D networks), int8 (an exported stream), features
            (files to cache), training (an epoch from the feature cache, the clip cache, video),
            decoding (beside a bare PyAV loop), startup; or all
        backbone: image network, any model name of timm; by default mobilenetv1_100
        weights: imagenet, none (random), a .safetensors file or a folder with one; how a network
            is laid out may differ with its weights, and so may its speed
        clip: frames of a clip and their size
        runtimes: eager, compiled, onnx, openvino, separated by commas; all: those installed
        rivals: 3D networks to compare with, separated by commas: x3d_s, r3d_18, r2plus1d_18, s3d,
            mvit_v2_s, videomae_b; all, or none
        same_clips: give them clips like ours, where they take such, instead of those that they were
            published for
        threads: threads of the processor, separated by commas, for the networks; all: every core
        batches: clips at once, separated by commas; more than the first in fastest runtimes only
        clips: how many clips of the data are decoded in a turn, and are an epoch
        rounds: of each contest, 5 or more; what takes longer than a second has 5
        max_seconds: seconds that an entrant may take for 5 rounds, and half of those that it may
            take to be compiled or exported; what is slower is left out, which is said
        quick: a miniature in a minute that shows that everything works, and not how fast
        json: print a JSON object for each row

    Returns:
        0.

    Raises:
        TransNetError: a setting is wrong, the data cannot be read, or the folder not be written.
    """
    folder = Path(out).expanduser() / "quick" if quick else Path(out).expanduser()
    chosen = _choose("parts", parts, tuple(PARTS))
    if rounds < MIN_ROUNDS:
        raise TransNetError(f"--rounds is {rounds}; accepted: {MIN_ROUNDS} or more.")
    if clips < 4:
        raise TransNetError(f"--clips is {clips}; accepted: 4 or more.")
    if not max_seconds > 0:
        raise TransNetError(f"--max-seconds is {max_seconds}; accepted: above 0.")
    pace = Pace(rounds, 0.25, max_seconds)
    if quick:
        backbone = backbone or MINIATURE_BACKBONE
        clip = MINIATURE_CLIP if clip == ClipConfig() else clip
        pace = Pace(MIN_ROUNDS, 0.0, max_seconds)
        threads = "1" if threads == "1,all" else threads
        batches = "1,2" if batches == "1,8" else batches
        runtimes = "eager,onnx" if runtimes == "all" else runtimes
        rivals = "x3d_s,r3d_18,mvit_v2_s" if rivals == "all" else rivals
        clips = 4 if clips == NUM_CLIPS else clips
    counts = _numbers("threads", threads.replace("all", str(usable_cores())))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        scratch = tempfile.TemporaryDirectory(dir=folder, prefix=".scratch.")
    except OSError as error:
        raise TransNetError(f"--out is {out!r}, which cannot be made ({error}).") from error
    machine = this_machine()
    say(str(machine))
    table = folder / "benchmark.csv"
    records = read_csv(table) if table.exists() else []
    measured: list[Measurement] = []
    with scratch as name:
        source, videos = _videos(data, Path(name), clips, miniature=quick)
        setting = Setting(
            backbone=backbone or DEFAULT_BACKBONE,
            weights=weights,
            clip=clip,
            data=source,
            records=videos,
            threads=counts[0],
            runtimes=_choose("runtimes", runtimes, RUNTIMES, installed_runtimes()),
            rivals=_choose("rivals", rivals, tuple(RIVALS)),
            same_clips=same_clips,
            batches=_numbers("batches", batches),
            pace=pace,
            miniature=quick,
            scratch=Path(name),
        )
        setting.recognizer()  # a mistake in its settings is one of every part
        for part in chosen:
            for count in _threads_of(part, counts):
                rows = _measure(part, replace(setting, threads=count))
                measured += rows
                records = _with(records, [(row, machine) for row in rows])
                # After every part, so that one that is stopped leaves what came before.
                write_csv(table, records)
                _show(rows, machine, json=json)
    write_page(folder / "benchmark.html", records, _command())
    say(f"\n{summary(measured)}")
    say(f"saved to {table} and {folder / 'benchmark.html'}")
    return 0


def _with(records: Sequence[Record], new: Sequence[Record]) -> list[Record]:
    """New rows in the place of those of the same part and number of threads, parts in order."""
    measured = {(row.part, row.threads) for row, _ in new}
    kept = [(row, m) for row, m in records if (row.part, row.threads) not in measured]
    order = {part: number for number, part in enumerate(PARTS)}
    return sorted([*kept, *new], key=lambda r: (order.get(r[0].part, len(order)), r[0].threads))


def _show(rows: Sequence[Measurement], machine: Machine, *, json: bool) -> None:
    if json:
        for row in rows:
            say(to_json(row), standard_output=True)
        return
    for section in sections((row, machine) for row in rows):
        say(f"\n{section.title}\n{text_table(section.rows)}", standard_output=True)


def _threads_of(part: str, counts: Sequence[int]) -> Sequence[int]:
    if part in OF_EVERY_THREADS:
        return counts
    return (1,) if part in ON_ONE_CORE else (max(counts),)


def _measure(part: str, setting: Setting) -> list[Measurement]:
    try:
        with (
            _environment(OMP_NUM_THREADS=str(setting.threads)),
            ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool,
        ):
            rows = pool.submit(run_part, part, setting).result()
    except BrokenProcessPool:
        why = "its process was killed: out of memory, perhaps"
    except Exception as error:  # of any kind: the other parts go on
        why = reason(error)
    else:
        described = f"{setting.backbone}, {setting.clip.frames} x {setting.clip.size}"
        return [replace(row, setting=described) for row in rows]
    return [Measurement(part, "all", "", 1, setting.threads, note=why)]


def run_part(part: str, setting: Setting) -> list[Measurement]:
    """Measure a part, in the process that is there for it."""
    import torch

    # What the compiler did not like is nothing to a user; what it costs is measured.
    logging.getLogger("torch._dynamo").setLevel(logging.ERROR)
    torch.set_num_threads(setting.threads)
    return importlib.import_module(PARTS[part]).measure(setting)


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _videos(
    data: str | None, scratch: Path, count: int, *, miniature: bool
) -> tuple[str, tuple[ClipRecord, ...]]:
    """What the dataset is called, and some of its clips, evenly spread over it."""
    if data is None:
        data = str(scratch / "clips")
        # As long as a clip of UCF101.
        num_frames = 16 if miniature else 180
        write_dataset(Path(data), people=4, clips=1, actions=_ACTIONS, num_frames=num_frames)
    path = Path(data).expanduser()
    if path.is_file() and path.suffix.lower() in VIDEO_SUFFIXES:
        return data, (ClipRecord(path.resolve(), "video", path.stem),)
    found = open_dataset(data).clips
    places = range(0, len(found) * min(count, len(found)), len(found))
    return data, tuple(found[place // min(count, len(found))] for place in places)


_ACTIONS = ("boxing", "handwaving", "running", "walking")


def _choose(
    option: str, text: str, accepted: Sequence[Name], all_of_them: Sequence[Name] | None = None
) -> tuple[Name, ...]:
    if text == "all":
        return tuple(accepted if all_of_them is None else all_of_them)
    if text == "none" and option == "rivals":
        return ()
    names = [name.strip() for name in text.split(",")]
    known = {str(name): name for name in accepted}
    for name in names:
        if name not in known:
            raise TransNetError(
                f"--{option} has {name!r}; accepted: all, or some of {', '.join(accepted)}, "
                "separated by commas."
            )
    return tuple(known[name] for name in dict.fromkeys(names))


def _numbers(option: str, text: str) -> tuple[int, ...]:
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() and int(word) > 0 for word in words):
        raise TransNetError(
            f"--{option} is {text!r}; accepted: numbers of 1 or more, separated by commas."
        )
    return tuple(dict.fromkeys(map(int, words)))


def _command() -> str:
    return (
        shlex.join(["transnet", *sys.argv[1:]])
        if sys.argv[1:2] == ["benchmark"]
        else "transnet benchmark"
    )
