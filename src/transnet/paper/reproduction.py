"""Training the cells of a table, and the table of their results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from transnet.checkpoints.backbone_weights import ENCODER_FILE
from transnet.config import PretrainingConfig
from transnet.data.manifest import Manifest
from transnet.errors import TransNetError
from transnet.experiments.results import means, read_results
from transnet.experiments.train import train
from transnet.paper.comparison import method_table, pretraining_table
from transnet.paper.grid import Cell
from transnet.paper.tables import ResultTable
from transnet.training.pretrain import pretrain
from transnet.utils.progress import say


@dataclass(frozen=True)
class Reproduction:
    """The cells of a table, on a dataset.

    Attributes:
        table: ``table2`` to ``table5``.
        folder: the output folder.
        data: the dataset, as for ``transnet train``.
        manifest: its clips.
        splits: the splits.
        seeds: trainings per cell and split, with seeds 0, 1, ...
        grid: the cells.
        encoders: folder with the pretrained encoder of each backbone.
        photos: photos to pretrain a missing encoder on.
        quick: a miniature.
        cache: folder of the feature cache.
        failed: reason of the failure of each failed recipe.
    """

    table: str
    folder: Path
    data: str
    manifest: Manifest
    splits: Sequence[str]
    seeds: int
    grid: Sequence[Cell]
    encoders: Path
    photos: str | None
    quick: bool
    cache: str | None
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def results(self) -> Path:
        """The table of results of every training."""
        return self.folder / f"{self.table}_results.csv"

    def train_cells(self) -> None:
        """Train and evaluate every cell; a failure is recorded and the others continue."""
        for number, cell in enumerate(self.grid, 1):
            say(f"[{number} of {len(self.grid)}] {cell.recipe}")
            name = cell.recipe.replace(", ", "-").replace(" ", "_")
            try:
                train(
                    self.data,
                    out=str(self.folder / self.table / name),
                    backbone=cell.backbone,
                    weights=self._weights(cell),
                    split=",".join(self.splits),
                    clip=cell.clip,
                    model=cell.model,
                    training=cell.training,
                    seeds=self.seeds,
                    recipe=cell.recipe,
                    results=str(self.results),
                    cache=self.cache,
                )
            except TransNetError as error:
                say(f"error: {error}")
                self.failed[cell.recipe] = " ".join(str(error).split())

    def result_table(self, dataset: str) -> ResultTable:
        """The results next to the paper's figures; ``dataset`` is the paper's."""
        known = read_results(self.results) if self.results.exists() else []
        measured = means(
            result
            for result in known
            if result.data == self.manifest.title
            and result.split in self.splits
            and result.seed in range(self.seeds)
        )
        ours = {
            (mean.recipe, mean.split): mean for mean in measured if mean.recipe not in self.failed
        }
        notes = (
            self.manifest.summary() + ".",
            *self.manifest.notes,
            *(f"Failed: {recipe}: {reason}" for recipe, reason in self.failed.items()),
        )
        shown = _shown_splits(self.splits)
        if self.table == "table2":
            return pretraining_table(self.grid, shown, ours, notes)
        return method_table(int(self.table[-1]), dataset, self.grid, shown, ours, notes)

    def _weights(self, cell: Cell) -> str:
        """The weights of a cell; a missing encoder is pretrained first."""
        if cell.pretraining != "hss":
            return cell.pretraining
        folder = self.encoders / cell.backbone
        if not (folder / ENCODER_FILE).exists():
            if self.photos is None:
                raise TransNetError(
                    f"{folder} holds no encoder; make it with transnet pretrain PHOTOS --backbone "
                    f"{cell.backbone} --out {folder}, or name the photos with --photos."
                )
            pretrain(
                self.photos,
                out=str(folder),
                backbone=cell.backbone,
                weights="none" if self.quick else "imagenet",
                training=PretrainingConfig(size=cell.clip.size, epochs=1 if self.quick else 200),
                resume=folder.is_dir(),
            )
        return str(folder)


def _shown_splits(chosen: Sequence[str]) -> list[str]:
    """The mean of a family of which several splits were chosen, else the split itself."""
    sizes = Counter(name.partition(":")[0] for name in chosen if ":" in name)
    shown = [
        f"{family}, mean of {sizes[family]}" if sizes[family] > 1 else name
        for name, family in ((name, name.partition(":")[0]) for name in chosen)
    ]
    return list(dict.fromkeys(shown))
