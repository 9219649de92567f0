"""``transnet benchmark``: speed on this machine, side by side with baselines."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from transnet.benchmark.contest import MIN_ROUNDS, Schedule
from transnet.benchmark.parts import PARTS
from transnet.config import ClipConfig
from transnet.errors import TransNetError
from transnet.utils.paths import output_folder
from transnet.utils.threads import usable_cores

if TYPE_CHECKING:
    from transnet.data.manifest import ClipRecord

Name = TypeVar("Name", bound=str)
Value = TypeVar("Value")

MINIATURE_BACKBONE = "test_efficientnet.r160_in1k"
MINIATURE_CLIP = ClipConfig(frames=4, size=64)
NUM_CLIPS = 16
_UCF101_FRAMES = 180
"""About the length of a clip of UCF101."""
_ACTIONS = ("boxing", "handwaving", "running", "walking")


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
    """Benchmark speed on this machine, side by side with baselines.

    Args:
        out: folder for benchmark.csv and benchmark.html (with --quick its subfolder quick); rows
            of parts that are not measured again stay in them
        data: a dataset, as for transnet train, or a video; by default synthetic clips
        parts: parts to measure, separated by commas: stream (a new frame, against the bare
            backbone and the whole clip), clips (against 3D networks), temporal (temporal models),
            int8 (an exported stream), features (files to cache), training (an epoch from the
            feature cache, the clip cache and video), decoding (against a bare PyAV loop), answers
            (files to predictions), startup; or all
        backbone: any timm model; by default mobilenetv1_100
        weights: imagenet, none (random), a .safetensors file or a folder with one; the layers of
            a network, and so its speed, may depend on its weights
        clip: frames per clip and their size
        runtimes: eager, compiled, onnx, openvino, separated by commas; all: those installed
        rivals: 3D networks to compare with (baselines), separated by commas: x3d_s, r3d_18,
            r2plus1d_18, s3d, mvit_v2_s, videomae_b; all, or none
        same_clips: give the 3D networks clips of our shape, if they take it, instead of the shape
            they were published for
        threads: numbers of CPU threads, separated by commas, for the networks; all: every core
        batches: batch sizes, separated by commas; batches after the first are measured in the
            fastest runtime of each network only
        clips: clips to decode per turn, and clips per epoch
        rounds: rounds of each comparison, 5 or more; operations of more than a second get 5
        max_seconds: seconds that an operation may take for 5 rounds, and half of what it may take
            to compile or export; slower ones are left out and reported
        quick: a miniature that takes a minute; it checks that everything runs, its figures are
            not meaningful
        json: print a JSON object per row

    Returns:
        0.

    Raises:
        TransNetError: an option is wrong, the data cannot be read, or the folder cannot be
            written.
    """
    from transnet.benchmark.baselines import BASELINES
    from transnet.benchmark.session import measure_parts
    from transnet.benchmark.setting import Setting
    from transnet.checkpoints.backbone_weights import DEFAULT_BACKBONE
    from transnet.runtimes.engines import RUNTIMES, installed_runtimes

    def default(value: Value, usual: Value, miniature: Value) -> Value:
        return miniature if quick and value == usual else value

    chosen = _choose("parts", parts, tuple(PARTS))
    schedule = _schedule(rounds, max_seconds, quick)
    clips = default(clips, NUM_CLIPS, 4)
    if clips < 4:
        raise TransNetError(f"clips is {clips}; accepted: 4 or more.")
    threads = default(threads, "1,all", "1").replace("all", str(usable_cores()))
    counts = _numbers("threads", threads)
    runtimes = default(runtimes, "all", "eager,onnx")
    rivals = default(rivals, "all", "x3d_s,r3d_18,mvit_v2_s")
    folder = Path(out).expanduser() / ("quick" if quick else "")
    with _scratch(folder) as scratch:
        source, videos = _videos(data, scratch, clips, 16 if quick else _UCF101_FRAMES)
        setting = Setting(
            backbone=backbone or (MINIATURE_BACKBONE if quick else DEFAULT_BACKBONE),
            weights=weights,
            clip=default(clip, ClipConfig(), MINIATURE_CLIP),
            data=source,
            records=videos,
            threads=counts[0],
            runtimes=_choose("runtimes", runtimes, RUNTIMES, installed_runtimes()),
            baselines=_choose("rivals", rivals, tuple(BASELINES)),
            same_clips=same_clips,
            batches=_numbers("batches", default(batches, "1,8", "1,2")),
            schedule=schedule,
            miniature=quick,
            scratch=scratch,
        )
        measure_parts(chosen, setting, counts, folder, json=json)
    return 0


def _schedule(rounds: int, max_seconds: float, quick: bool) -> Schedule:
    if rounds < MIN_ROUNDS:
        raise TransNetError(f"rounds is {rounds}; accepted: {MIN_ROUNDS} or more.")
    if not max_seconds > 0:
        raise TransNetError(f"max_seconds is {max_seconds}; accepted: above 0.")
    return Schedule(MIN_ROUNDS, 0.0, max_seconds) if quick else Schedule(rounds, 0.25, max_seconds)


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """A temporary folder in the output folder, which is made."""
    output_folder(folder)
    try:
        scratch = tempfile.TemporaryDirectory(dir=folder, prefix=".scratch.")
    except OSError as error:
        raise TransNetError(
            f"--out is {str(folder)!r}, which cannot be written ({error})."
        ) from error
    with scratch as name:
        yield Path(name)


def _videos(
    data: str | None, scratch: Path, count: int, num_frames: int
) -> tuple[str, tuple[ClipRecord, ...]]:
    """The name of the dataset, and some of its clips, evenly spaced."""
    from transnet.data.datasets.catalog import open_dataset
    from transnet.data.manifest import ClipRecord
    from transnet.data.synthetic.clips import write_dataset
    from transnet.data.video.reader import VIDEO_SUFFIXES

    if data is None:
        data = str(scratch / "clips")
        write_dataset(Path(data), people=4, clips=1, actions=_ACTIONS, num_frames=num_frames)
    path = Path(data).expanduser()
    if path.is_file() and path.suffix.lower() in VIDEO_SUFFIXES:
        return data, (ClipRecord(path.resolve(), "video", path.stem),)
    found = open_dataset(data).clips
    count = min(count, len(found))
    return data, tuple(found[number * len(found) // count] for number in range(count))


def _choose(
    option: str, text: str, accepted: Sequence[Name], everything: Sequence[Name] | None = None
) -> tuple[Name, ...]:
    if text == "all":
        return tuple(accepted if everything is None else everything)
    if text == "none" and option == "rivals":
        return ()
    names = [name.strip() for name in text.split(",")]
    known = {str(name): name for name in accepted}
    for name in names:
        if name not in known:
            raise TransNetError(
                f"{option} has {name!r}; accepted: all, or some of {', '.join(accepted)}, "
                "separated by commas."
            )
    return tuple(known[name] for name in dict.fromkeys(names))


def _numbers(option: str, text: str) -> tuple[int, ...]:
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() and int(word) > 0 for word in words):
        raise TransNetError(
            f"{option} is {text!r}; accepted: numbers of 1 or more, separated by commas."
        )
    return tuple(dict.fromkeys(map(int, words)))
