"""What a single frame, and the motion alone, already score on a split.

A single frame shows the place, the objects and a pose, and no action in time. Where it is enough, a
recognizer may have learned the place and not the action (Choi et al., "Why Can't I Dance in the
Mall?", 2019, measure the same with scene labels).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from transnet.audit.leak_effect import TestedClips, tested_clips
from transnet.config import ClipConfig, ModelConfig
from transnet.evaluation.bootstrap import difference_interval
from transnet.experiments.run_grid import run_path
from transnet.experiments.train import train
from transnet.reports.intervals import Interval, difference_text

ONE_FRAME = "one frame"
MOTION = "motion"
BOTH = "both"


@dataclass(frozen=True)
class PlaceShare:
    """Recognizers that see a part of each clip, and one that sees all of it, on the same clips.

    Attributes:
        split: name of the split; ``official`` is all of ``official:1``, ``official:2``, ...
        frame: tested with one frame of each clip.
        motion: tested with the motion alone.
        both: tested with appearance and motion.
    """

    split: str
    frame: TestedClips
    motion: TestedClips
    both: TestedClips

    @property
    def gain(self) -> float:
        """Accuracy with the whole clip minus that with one frame, -1..1; times 100, in points."""
        return self.both.top1 - self.frame.top1

    @property
    def interval(self) -> Interval | None:
        """95 % interval of :attr:`gain`, by a bootstrap over groups."""
        return difference_interval(
            (self.both.right, self.both.groups), (self.frame.right, self.frame.groups)
        )

    @property
    def sentence(self) -> str:
        """The finding in words."""
        limits = difference_text(self.interval, self.both.num_groups)
        return (
            f"split {self.split}: {100 * self.frame.top1:.0f} of the {100 * self.both.top1:.0f} % "
            f"can be had from one frame of each clip; the whole clip gains {100 * self.gain:+.1f} "
            f"points{limits}; motion alone has {100 * self.motion.top1:.0f} %"
        )

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON values."""
        tested = {"one_frame": self.frame, "motion": self.motion, "both": self.both}
        return {
            **{name: part.to_dict() for name, part in tested.items()},
            "gain": self.gain,
            "interval": self.interval,
        }


def place_shares(
    data: str, splits: Sequence[str], runs: Path, settings: dict[str, Any]
) -> list[PlaceShare]:
    """Train with one frame, with the motion alone, and with both, and compare.

    Args:
        data: the dataset.
        splits: names of the splits.
        runs: folder for the runs.
        settings: further arguments of :func:`transnet.train`; ``clip``, ``model``, ``training`` and
            ``seeds`` among them.

    Raises:
        TransNetError: a training fails.
    """
    clip: ClipConfig = settings["clip"]
    model: ModelConfig = settings["model"]
    parts = {
        # The nearest frame to two moments that are closer than any two frames: one frame, twice.
        ONE_FRAME: (
            replace(clip, frames=2, sampling="stride", stride_s=1e-4),
            replace(model, cues="appearance", temporal="mean"),
        ),
        MOTION: (clip, replace(model, cues="motion")),
        BOTH: (clip, replace(model, cues="both")),
    }
    seeds = range(settings["training"].seed, settings["training"].seed + settings["seeds"])
    families: dict[str, list[str]] = {}
    for split in splits:
        families.setdefault(split.partition(":")[0], []).append(split)
    tested: dict[str, list[TestedClips]] = {family: [] for family in families}
    for name, (clip, model) in parts.items():
        folder = runs / name.replace(" ", "-")
        own = {**settings, "clip": clip, "model": model, "recipe": name}
        train(
            data, out=str(folder), split=",".join(splits), results=str(runs / "results.csv"), **own
        )
        for family, members in families.items():
            folders = [run_path(folder, split, seed) for split in members for seed in seeds]
            tested[family].append(tested_clips(family, folders))
    return [
        PlaceShare(members[0] if len(members) == 1 else family, *tested[family])
        for family, members in families.items()
    ]
