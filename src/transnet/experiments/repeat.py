"""Several trainings of one kind: every split, every seed, each evaluated, one table at the end."""

from __future__ import annotations

import hashlib
import json
import re
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from transnet.checkpoints import run as checkpoint
from transnet.errors import TransNetError
from transnet.evaluation.evaluate import evaluate
from transnet.experiments.results import (
    Result,
    append_result,
    check_results,
    means,
    read_results,
    source_commit,
    table,
)
from transnet.utils.progress import say


class TrainOnce(Protocol):
    """Trains one split with one seed into a folder; returns at once if that is done already."""

    def __call__(self, *, run: Path, split: str, seed: int) -> Path: ...


@dataclass(frozen=True)
class Repetition:
    """What is repeated.

    Attributes:
        folder: where the runs go, ``folder/official-1/seed0``.
        recipe: the name of the settings in the table of results.
        data: the dataset's name there.
        splits: names of the splits.
        seeds: numbers that everything random starts from.
        results: the CSV file of the results.
        cache: folder for frame features; ``None`` is the user's cache.
    """

    folder: Path
    recipe: str
    data: str
    splits: Sequence[str]
    seeds: Sequence[int]
    results: Path
    cache: str | None


def repeat(plan: Repetition, train_once: TrainOnce, *, again: bool = False) -> Path:
    """Train and evaluate every split with every seed.

    What an earlier call finished is not done again; what fails is named at the end, and the rest
    is done all the same.

    Args:
        plan: what is repeated.
        train_once: does it once.
        again: do what is finished again.

    Returns:
        The folder of the runs.

    Raises:
        TransNetError: some of it failed.
    """
    check_results(plan.results)
    done = set() if again else {(result.split, result.seed) for result in _results_of(plan)}
    failed: list[str] = []
    cells = [(split, seed) for split in plan.splits for seed in plan.seeds]
    for number, (split, seed) in enumerate(cells, 1):
        say(f"[{number} of {len(cells)}] split {split}, seed {seed}")
        run = run_folder(plan.folder, split, seed)
        try:
            train_once(run=run, split=split, seed=seed)
            if (split, seed) not in done or not (run / "metrics.json").exists():
                evaluate(run, cache=plan.cache)
                append_result(plan.results, _result(plan, run, split, seed))
        except Exception as error:
            # Whatever it is, the others are worth doing; what nobody foresaw is shown in full.
            foreseen = isinstance(error, TransNetError)
            say(f"error: {error}" if foreseen else traceback.format_exc())
            reason = str(error) if foreseen else f"{type(error).__name__}: {error}"
            failed.append(f"split {split}, seed {seed}: {reason.splitlines()[0]}")
    means_table = table(means(_results_of(plan)))
    say(f"\n{means_table}\nsaved to {plan.results}; the runs are in {plan.folder}")
    if failed:
        raise TransNetError(
            f"{len(failed)} of {len(cells)} failed; the same command tries them again:\n"
            + "\n".join(f"  {line}" for line in failed)
        )
    return plan.folder


def _results_of(plan: Repetition) -> list[Result]:
    if not plan.results.exists():
        return []
    return [
        result for result in read_results(plan.results)
        if (result.recipe, result.data) == (plan.recipe, plan.data)
        and result.split in plan.splits and result.seed in plan.seeds
    ]  # fmt: skip


def run_folder(folder: Path, split: str, seed: int) -> Path:
    """Where the run of a split and a seed lies in the folder of a repetition."""
    name = split.replace(":", "-", 1)
    if not re.fullmatch(r"[\w.-]{1,100}", name, re.ASCII):  # a group may be called anything
        digest = hashlib.blake2b(split.encode("utf-8", "surrogateescape"), digest_size=6)
        readable = re.sub(r"[^\w.-]", "-", name, flags=re.ASCII)[:80]
        name = f"{readable}-{digest.hexdigest()}"
    return folder / name / f"seed{seed}"


def _result(plan: Repetition, run: Path, split: str, seed: int) -> Result:
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    seconds = json.loads((run / "seconds.json").read_text(encoding="utf-8"))
    info = checkpoint.load_run_info(run)
    return Result(
        recipe=plan.recipe,
        data=plan.data,
        split=split,
        seed=seed,
        top1=metrics["top1"],
        macro_f1=metrics["macro_f1"],
        num_test=metrics["num_clips"],
        siblings_in_train=metrics["protocol"]["siblings_in_train"],
        backbone=info.backbone.name,
        pretraining=info.backbone.pretraining,
        train_s=seconds["total"],
        date=datetime.now().isoformat(timespec="seconds"),
        commit=source_commit(),
    )
