"""The findings of an audit: as JSON, as sentences and as a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from transnet.audit.duplicates import NearDuplicates, Pair
from transnet.audit.leak_effect import LEAKING, LeakEffect
from transnet.audit.leakage import Leakage, tested_in_training
from transnet.audit.place import PlaceShare
from transnet.config import ClipConfig
from transnet.data.clips import read_clip
from transnet.data.manifest import ClipRecord, Manifest
from transnet.data.video.frames import Pixels
from transnet.errors import VideoError
from transnet.reports.clip_names import clip_names
from transnet.reports.intervals import difference_text
from transnet.reports.page import render
from transnet.reports.report_folder import report_mark

PAIRS_PICTURED = 12
FRAMES_PICTURED = 4


@dataclass(frozen=True)
class Findings:
    """What an audit found out about the splits of a dataset.

    Attributes:
        manifest: the dataset.
        leaks: the leak of each split.
        alike: near-duplicates by split; empty if no video was opened.
        effects: effect of the leak by clean split; empty without training.
        shares: what one frame and the motion score; empty without training.
    """

    manifest: Manifest
    leaks: Sequence[Leakage]
    alike: dict[str, NearDuplicates] = field(default_factory=dict)
    effects: dict[str, LeakEffect] = field(default_factory=dict)
    shares: Sequence[PlaceShare] = ()

    def rows(self) -> list[dict[str, Any]]:
        """The findings on each split as JSON values."""
        return [self._row(leak) for leak in self.leaks]

    def sentences(self) -> list[str]:
        """The findings in words."""
        return [
            *(_leak_sentence(leak, self.alike.get(leak.split)) for leak in self.leaks),
            *map(_effect_sentence, self.effects.values()),
            *(share.sentence for share in self.shares),
        ]

    def write_page(self, path: Path, dataset: str, clip: ClipConfig, seeds: int) -> None:
        """Write the page.

        Args:
            path: the HTML file.
            dataset: where the dataset is.
            clip: how clips are sampled, for pictures.
            seeds: trainings per split.
        """
        names = [name for name in self.manifest.splits if name != "column"]
        overlap = tested_in_training(self.manifest, names)
        page = render(
            "audit.html.j2",
            dataset=report_mark(dataset),
            name=self.manifest.name,
            notes=self.manifest.notes,
            leaks=self.leaks,
            seeds=seeds,
            lists_only=not self.alike,
            overlap=overlap if len(overlap) > 1 else {},
            alike=[(name, found, _pictured(found, clip)) for name, found in self.alike.items()],
            effects=list(self.effects.values()),
            shares=self.shares,
        )
        path.write_text(page, encoding="utf-8")

    def _row(self, leak: Leakage) -> dict[str, Any]:
        row: dict[str, Any] = asdict(leak)
        if leak.split in self.alike:
            alike = self.alike[leak.split]
            pairs = [
                {"test": str(p.test.path), "train": str(p.train.path), "similarity": p.similarity}
                for p in alike.distinct(PAIRS_PICTURED)
            ]
            row["near_duplicates"] = {
                "limit": alike.limit,
                "num_compared": alike.num_test,
                "num_alike": len(alike.alike),
                "pairs": pairs,
            }
        effect = self.effects.get(leak.split)
        if effect is None and leak.split == LEAKING and len(self.effects) == 1:
            (effect,) = self.effects.values()  # measured against the only clean split
        if effect is not None:
            row["worth"] = effect.to_dict()
        for share in self.shares:
            if share.split in (leak.split, leak.split.partition(":")[0]):
                row["place"] = share.to_dict()
        return row


def _leak_sentence(leak: Leakage, alike: NearDuplicates | None) -> str:
    spread = f" (+- {100 * leak.deviation:.1f} over {leak.seeds} seeds)" if leak.seeds > 1 else ""
    text = (
        f"split {leak.split}: {leak.num_train} training clips, {leak.num_test} test clips; "
        f"{100 * leak.siblings_in_train:.1f} %{spread} of the test clips share class and group "
        f"with a training clip; {len(leak.groups_on_both_sides)} of {leak.num_groups} test groups "
        "have training clips"
    )
    if alike is not None and alike.limit is not None:
        text += (
            f"; {len(alike.alike)} test clips look like a training clip of another group "
            "(see the report)"
        )
    return text


def _effect_sentence(effect: LeakEffect) -> str:
    return (
        f"top-1 under {effect.leaking.split}: {effect.leaking.top1:.1%}, under "
        f"{effect.clean.split}: {effect.clean.top1:.1%}. Effect of the leak: "
        f"{100 * effect.difference:+.1f} points"
        f"{difference_text(effect.interval, effect.clean.num_groups)}, if the splits train on "
        "equally many clips"
    )


def _pictured(
    found: NearDuplicates, clip: ClipConfig
) -> list[tuple[Pair, list[str], list[list[Pixels]]]]:
    """The pairs to show, with the names and the frames of the test and the training clip."""
    small = replace(clip, frames=FRAMES_PICTURED, size=112)
    pairs = found.distinct(PAIRS_PICTURED)
    names = clip_names([record.path for pair in pairs for record in (pair.test, pair.train)])
    return [
        (
            pair,
            names[2 * number : 2 * number + 2],
            [_frames(record, small) for record in (pair.test, pair.train)],
        )
        for number, pair in enumerate(pairs)
    ]


def _frames(record: ClipRecord, clip: ClipConfig) -> list[Pixels]:
    try:
        return list(read_clip(record.path, clip, start=record.start, end=record.end).frames)
    except VideoError:
        return []
