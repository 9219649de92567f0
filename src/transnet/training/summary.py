"""What a training says of its clips before it starts, and of itself when it ends."""

from __future__ import annotations

from pathlib import Path

from transnet.data.splits import Split
from transnet.training.clip_data import ClipData, FeatureData
from transnet.training.fit import FitSummary


def describe_split(split: Split) -> str:
    """How many clips are in each part, and how many of the test clips are nearly known."""
    return (
        f"split {split.name}: {len(split.train)} training clips, {len(split.validation)} "
        f"validation clips, {len(split.test)} test clips; {split.siblings_in_train:.1%} of the "
        "test clips share class and group with a training clip"
    )


def stage_times(
    data: ClipData, summary: FitSummary, *, fit_s: float, total_s: float
) -> dict[str, float]:
    """The content of ``seconds.json``; earlier sessions of a resumed training are included."""
    is_features = isinstance(data, FeatureData)
    return {
        "decode": data.seconds.decode,
        "backbone": data.seconds.backbone,
        "features": data.seconds.total if is_features else 0.0,
        "clips": 0.0 if is_features else data.seconds.total,
        "fit": fit_s + summary.earlier_s,
        "waited": summary.waited_s,
        "total": total_s + summary.earlier_s,
    }


def closing_lines(
    run: Path, summary: FitSummary, data: ClipData, times: dict[str, float], score: str
) -> str:
    """What a training took, what it reached, and what comes next; ``score`` names the score."""
    found = summary.validation_score
    quality = "" if found is None else f", validation {score} {found:.1%}"
    num_clips = len(data.train) + (len(data.validation) if data.refits else 0)
    if isinstance(data, FeatureData):
        preparation, waited = f"features {times['features']:.0f} s", ""
    else:
        preparation = f"clips {times['clips']:.0f} s"
        waited = f"; waited for data {times['waited'] / times['fit']:.0%} of the time"
    return (
        f"trained on {num_clips} clips in {times['total']:.0f} s "
        f"({preparation}, training {times['fit']:.0f} s{waited}): "
        f"{summary.epochs} epochs, best {summary.best_epoch + 1}{quality}\n"
        f"saved to {run}\n"
        f"next: transnet evaluate {run}"
    )
