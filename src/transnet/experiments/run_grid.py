"""A grid of runs: every split with every seed, each trained and evaluated, one table at the end."""

from __future__ import annotations

import hashlib
import json
import re
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from transnet.checkpoints.run import load_run_info
from transnet.errors import TransNetError
from transnet.evaluation.evaluate import evaluate
from transnet.evaluation.pooled import write_pooled_report
from transnet.experiments.results import (
    RunResult,
    append_result,
    check_results_file,
    means,
    read_results,
    source_commit,
    table,
)
from transnet.reports.tables import latex_columns
from transnet.training.train_run import RunSettings, train_run
from transnet.utils.files import written_whole
from transnet.utils.progress import say


@dataclass(frozen=True)
class RunGrid:
    """Runs that differ in split and seed.

    Attributes:
        settings: the settings of all runs; ``settings.run`` is the folder of the runs,
            ``run/official-1/seed0``.
        splits: names of the splits.
        seeds: the seeds.
        recipe: name of the settings in the table of results.
        results: CSV file of the results.
    """

    settings: RunSettings
    splits: Sequence[str]
    seeds: Sequence[int]
    recipe: str
    results: Path

    def run_settings(self, split: str, seed: int) -> RunSettings:
        """The settings of one run, which is resumed if it was begun before."""
        shared = self.settings
        run = run_path(shared.run, split, seed)
        return replace(
            shared,
            split=split,
            run=run,
            training=replace(shared.training, seed=seed),
            resume=not shared.overwrite and (run / "transnet.json").exists(),
        )

    def known_results(self) -> list[RunResult]:
        """The rows of the results file that belong to this grid."""
        if not self.results.exists():
            return []
        return [
            result
            for result in read_results(self.results)
            if (result.recipe, result.data) == (self.recipe, self.settings.manifest.title)
            and result.split in self.splits
            and result.seed in self.seeds
        ]


def train_grid(grid: RunGrid) -> Path:
    """Train and evaluate every split with every seed.

    Finished runs are not repeated. A run that fails does not stop the others; all failures are
    listed at the end.

    Returns:
        The folder of the runs.

    Raises:
        TransNetError: a run failed, or the results file cannot be used.
    """
    check_results_file(grid.results)
    done: set[tuple[str, int]] = set()
    if not grid.settings.overwrite:
        done = {(result.split, result.seed) for result in grid.known_results()}
    failed: list[str] = []
    cells = [(split, seed) for split in grid.splits for seed in grid.seeds]
    for number, (split, seed) in enumerate(cells, 1):
        say(f"[{number} of {len(cells)}] split {split}, seed {seed}")
        settings = grid.run_settings(split, seed)
        try:
            train_run(settings)
            if (split, seed) not in done or not (settings.run / "metrics.json").exists():
                append_result(grid.results, _evaluate(grid.recipe, settings))
        except Exception as error:  # any failure: the other runs are still worth doing
            expected = isinstance(error, TransNetError)
            say(f"error: {error}" if expected else traceback.format_exc())
            reason = str(error) if expected else f"{type(error).__name__}: {error}"
            failed.append(f"split {split}, seed {seed}: {reason.splitlines()[0]}")
    rows = means(grid.known_results())
    say(f"\n{table(rows)}\nsaved to {grid.results}; the runs are in {grid.settings.run}")
    if rows:
        with written_whole(grid.settings.run / "table.tex") as path:
            path.write_text(table(rows, latex_columns) + "\n", encoding="utf-8")
    if not failed:
        _pool_left_out(grid)
    if failed:
        raise TransNetError(
            f"{len(failed)} of {len(cells)} runs failed; repeat the command to retry them:\n"
            + "\n".join(f"  {line}" for line in failed)
        )
    return grid.settings.run


def _pool_left_out(grid: RunGrid) -> None:
    """One page for the groups that were left out in turn."""
    splits = [split for split in grid.splits if split.startswith("leave-out:")]
    if len(splits) > 1:
        folder = grid.settings.run
        runs = [run_path(folder, split, seed) for split in splits for seed in grid.seeds]
        name = f"{grid.settings.manifest.name}, each of {len(splits)} groups left out"
        say(write_pooled_report(folder, name, runs, seeds=len(grid.seeds)))
        say(f"saved to {folder / 'report.html'}")


def run_path(folder: Path, split: str, seed: int) -> Path:
    """Folder of the run of a split and a seed in the folder of a grid."""
    name = split.replace(":", "-", 1)
    if not re.fullmatch(r"[\w.-]{1,100}", name, re.ASCII):  # a group may have any name
        digest = hashlib.blake2b(split.encode("utf-8", "surrogateescape"), digest_size=6)
        readable = re.sub(r"[^\w.-]", "-", name, flags=re.ASCII)[:80]
        name = f"{readable}-{digest.hexdigest()}"
    return folder / name / f"seed{seed}"


def _evaluate(recipe: str, settings: RunSettings) -> RunResult:
    segmenter, detector = settings.finder
    evaluation = evaluate(
        settings.run,
        cache=settings.cache,
        segmenter=segmenter,
        detector=detector,
        device=settings.device,
    )
    seconds = json.loads((settings.run / "seconds.json").read_text(encoding="utf-8"))
    info = load_run_info(settings.run)
    return RunResult(
        recipe=recipe,
        data=settings.manifest.title,
        split=info.split,
        seed=settings.training.seed,
        top1=evaluation.top1,
        macro_f1=evaluation.macro_f1,
        num_test=evaluation.num_clips,
        siblings_in_train=evaluation.protocol.siblings_in_train or 0.0,
        backbone=info.backbone.name,
        pretraining=info.backbone.pretraining,
        train_s=seconds["total"],
        date=datetime.now().isoformat(timespec="seconds"),
        commit=source_commit(),
    )
