"""How well a run tells clips that show none of its classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from transnet.checkpoints.novelty import load_novelty, why_none
from transnet.checkpoints.run import RunInfo
from transnet.config import NO_CLASS
from transnet.data.cache.filling import KeptClips
from transnet.data.datasets.folder import videos_below
from transnet.data.manifest import ClipRecord
from transnet.errors import TransNetError
from transnet.inference.features import FeatureExtractor
from transnet.inference.recognizer import Recognizer
from transnet.model.encoded import Encoded
from transnet.model.networks import device_of
from transnet.model.novelty import NoveltyDetector

MAX_LOST = 0.1
MIN_TOLD = 0.5


@dataclass(frozen=True)
class UnknownMetrics:
    """How many clips the run calls unknown.

    Attributes:
        lost: share of the test clips of its classes, 0..1.
        told: share of the clips that show none of them, 0..1.
        num_clips: number of those clips.
        source: where they are from: ``clips`` (``_none`` test clips, or those of ``--unknown``),
            or ``left-out classes`` (each class in turn, with the others as the training).
        pays: whether ``lost`` is at most 10 % and ``told`` at least 50 %.
        num_known: number of the test clips.
        threshold: distance to the nearest training clip above which a clip is unknown; ``None`` if
            only ``_none`` was learned.
    """

    lost: float
    told: float
    num_clips: int
    source: str
    pays: bool = False
    num_known: int = 0
    threshold: float | None = None

    @property
    def num_lost(self) -> int:
        """Number of the test clips of its classes that are called unknown."""
        return round(self.lost * self.num_known)

    @property
    def sentence(self) -> str:
        """The metrics in words."""
        of_what = "clips of none of the classes" if self.source == "clips" else self.source
        return (
            f"unknown: {self.told:.1%} of {self.num_clips} {of_what}, and {self.lost:.1%} of the "
            "test clips, are called unknown; predict does so "
            + ("by default" if self.pays else "with --unknown on")
        )


def unknown_videos(folder: str | None, run: Path, info: RunInfo) -> list[ClipRecord]:
    """The clips of ``--unknown``: all videos in a folder.

    Args:
        folder: the folder; ``None`` for no clips.
        run: the run folder.
        info: its record.

    Raises:
        TransNetError: there are none, or the run cannot call them unknown.
    """
    if folder is None:
        return []
    root = Path(folder).expanduser()
    videos = videos_below(root) if root.is_dir() else []
    if not videos:
        raise TransNetError(
            f"unknown is {folder!r}; accepted: a folder of videos that show none of the classes."
        )
    if not info.learned_none and load_novelty(run) is None:
        raise TransNetError(
            f"unknown is {folder!r}, but {why_none(run)}. So it cannot recognize unknown videos; "
            "leave unknown out" + ("." if info.several_labels else ", or train with _none clips.")
        )
    return [ClipRecord(path, NO_CLASS, str(path)) for path in videos]


@torch.inference_mode()
def measure_unknown(
    run: Path,
    recognizer: Recognizer,
    extractor: FeatureExtractor,
    tested: tuple[Sequence[ClipRecord], KeptClips],
    others: tuple[Sequence[ClipRecord], KeptClips],
) -> UnknownMetrics | None:
    """Measure how many clips are called unknown.

    Args:
        run: the run folder.
        recognizer: the recognizer of the run.
        extractor: reads the features.
        tested: the test clips and what ``extractor`` made of them.
        others: clips that show none of the classes, likewise.

    Returns:
        The metrics; ``None`` if the run cannot tell unknown clips, or no test clip is readable.
    """
    detector = load_novelty(run)
    if detector is None and not recognizer.info.learned_none:
        return None
    called: dict[bool, list[bool]] = {True: [], False: []}
    for clips, extracted in (tested, others):
        for clip in clips:
            if clip not in extracted.broken:
                encoded = extractor.encoded(extracted.keys[clip][:1])
                unknown = _is_unknown(recognizer, detector, encoded)
                called[clip.label != NO_CLASS].append(unknown)
    if not called[True]:
        return None
    lost, source, num_clips = _mean(called[True]), "clips", len(called[False])
    if called[False]:
        told = _mean(called[False])
    else:
        told, num_clips = _left_out(detector, len(recognizer.classes))
        source = "left-out classes"
    pays = lost <= MAX_LOST and told >= MIN_TOLD
    threshold = detector.threshold if detector else None
    return UnknownMetrics(lost, told, num_clips, source, pays, len(called[True]), threshold)


def _is_unknown(recognizer: Recognizer, detector: NoveltyDetector | None, encoded: Encoded) -> bool:
    encoded = Encoded(*(each.to(device_of(recognizer.model)) for each in encoded))
    if detector is not None and not detector.is_known(encoded)[0]:
        return True
    if not recognizer.info.learned_none:
        return False
    return int(recognizer.model.classify(*encoded)[0].argmax()) == len(recognizer.classes)


def _left_out(detector: NoveltyDetector | None, num_classes: int) -> tuple[float, int]:
    if detector is None:
        return 0.0, 0
    shares = [detector.told_without(label) for label in range(num_classes)]
    return sum(shares) / num_classes, num_classes


def _mean(values: Sequence[bool]) -> float:
    return sum(values) / len(values)
