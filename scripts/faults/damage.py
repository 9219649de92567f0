"""Damaged caches, weights, exports, checkpoints, records: equal, made anew, or refused by name."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.faults.workplace import (
    BACKBONE,
    CLIP,
    Outcome,
    Row,
    Workplace,
    digests,
    metrics_of,
    remove,
)

SHARES = {
    "feature cache": 60,
    "clip cache": 40,
    "weights": 50,
    "record of a run": 40,
    "export": 50,
    "checkpoints": 30,
    "list of clips": 30,
}
"""Of the tries."""


@dataclass(frozen=True)
class Target:
    """Something to damage.

    Attributes:
        whole: a folder, which is copied for each try.
        files: patterns of the files in it of which one is damaged.
        words: the command that reads the copy.
        content: what has to be equal, given the copy and the outcome.
        in_cache: whether the copy is the cache folder of the command.
    """

    whole: Path
    files: tuple[str, ...]
    words: Callable[[Path], list[object]]
    content: Callable[[Path, Outcome], Any]
    in_cache: bool = False


def damage(work: Workplace, tries: int) -> Iterator[Row]:
    """One row for each kind of file; ``tries`` damaged files in all."""
    for (name, share), target in zip(SHARES.items(), _targets(work), strict=True):
        row = Row(f"damaged {name}", "python -m scripts.faults --only damage")
        copy = work.new("out")
        expected = _read(work, target, copy, None, row)
        shutil.rmtree(copy)
        for _ in range(max(1, round(tries * share / sum(SHARES.values())))):
            row.tries += 1
            seed = work.chance.randrange(2**32)
            found = _read(work, target, copy, random.Random(seed), row)
            if found is not None:
                row.count("equal" if found == expected else "other")
                if found != expected:
                    row.lost += 1
                    print(f"FAULT {row.fault}: seed {seed}: {found} {expected}"[:600], flush=True)
            shutil.rmtree(copy.parent)
            copy.parent.mkdir()
        yield row


def _read(
    work: Workplace, target: Target, copy: Path, chance: random.Random | None, row: Row
) -> Any:
    """What the command makes of a copy that is damaged; ``None`` where it refuses, or fails."""
    shutil.copytree(target.whole, copy)
    what = damaged(copy, target.files, chance) if chance else "nothing"
    outcome = work.command(*target.words(copy), cache=copy if target.in_cache else None)
    if outcome.fault:
        row.bad(outcome.fault, what)
    elif outcome.status:
        row.count("refused by name")
    else:
        return target.content(copy, outcome)
    return None


def damaged(folder: Path, patterns: tuple[str, ...], chance: random.Random) -> str:
    """Damage one file of a folder; returns what was done."""
    files = sorted({path for pattern in patterns for path in folder.rglob(pattern)})
    path = chance.choice(files)
    content = bytearray(path.read_bytes())
    place = chance.randrange(len(content))
    kind = chance.choice(("cut", "zeros", "bit", "bits", "gone bytes"))
    if kind == "cut":
        del content[place:]
    elif kind == "zeros":
        content[place : place + 1000] = bytes(len(content[place : place + 1000]))
    elif kind == "gone bytes":
        del content[place : place + chance.randrange(1, 100)]
    else:
        for _ in range(1 if kind == "bit" else 20):
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)
    return f"{path.name}: {kind} at {place}"


def _targets(work: Workplace) -> list[Target]:
    train: list[object] = ["train", work.clips, *BACKBONE, *CLIP]
    frozen: list[object] = [*train, "--epochs", "2", "--out"]
    unfrozen: list[object] = [*train, "--epochs", "1", "--freeze", "false", "--out"]
    features, clips = work.new("cache"), work.new("cache")
    work.must(*frozen, features.with_name("run"), cache=features)
    work.must(*unfrozen, clips.with_name("run"), cache=clips)

    def weights(copy: Path, _: Outcome) -> Any:
        return digests(copy.with_name("run"), ("model.safetensors",))

    predict = ["--json", *sorted((work.clips / "boxing").rglob("*.avi"))[:3]]
    return [
        Target(
            *(features, ("features/*.sqlite",), lambda copy: [*frozen, copy.with_name("run")]),
            *(weights, True),
        ),
        Target(
            *(clips, ("clips/*.sqlite",), lambda copy: [*unfrozen, copy.with_name("run")]),
            *(weights, True),
        ),
        Target(work.run, ("model.*", "novelty.*"), lambda run: ["predict", run, *predict], _scores),
        Target(work.run, ("transnet.json",), lambda run: ["predict", run, *predict], _scores),
        Target(
            *(work.exported, ("*.onnx", "*.json")),
            *(lambda run: ["predict", run, *predict], _scores),
        ),
        Target(
            *(_unfinished(work), ("*.ckpt", "fit.json", "clips.csv")),
            *(lambda run: [*train, "--epochs", "20", "--out", run, "--resume"],),
            *(lambda run, _: digests(run, ("model.safetensors",)),),
        ),
        Target(work.run, ("clips.csv",), lambda run: ["evaluate", run], _metrics),
    ]


def _unfinished(work: Workplace) -> Path:
    """A run that was killed in its training."""
    seconds = 1.0
    while True:
        out = work.new("run")
        words = ("train", work.clips, *BACKBONE, *CLIP, "--epochs", "20", "--out", out)
        killed = work.command(*words, kill_after_s=seconds).killed
        if killed and (out / "last.ckpt").exists():
            return out
        remove(out)
        seconds = seconds + 0.3 if killed else 1.0


def _scores(_: Path, outcome: Outcome) -> Any:
    lines = [line for line in outcome.output.splitlines() if line.startswith("{")]
    answers = [json.loads(line) for line in lines]
    return [(answer.get("label"), answer.get("scores"), answer.get("known")) for answer in answers]


def _metrics(run: Path, _: Outcome) -> Any:
    return metrics_of(run)
