"""Where faults are made: a folder with clips, and commands that run in forked children."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import pickle
import random
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

LIBRARIES = (
    *("transnet.cli", "jsonargparse", "docstring_parser", "filelock", "fsspec"),
    *("timm", "pytorch_lightning", "torch.onnx", "onnxscript", "onnxruntime", "pyarrow.parquet"),
    *("transnet.experiments.train", "transnet.training.pretrain_run", "transnet.training.fit"),
    *("transnet.training.train_run", "transnet.deploy.export", "transnet.deploy.runtime"),
    *("transnet.archive.labeler", "transnet.archive.features", "transnet.evaluation.evaluate_run"),
    *("transnet.commands.predict", "transnet.commands.check", "transnet.commands.explain"),
    *("transnet.audit.audit", "transnet.commands.live", "transnet.commands.segment"),
)
BACKBONE = ("--backbone", "test_efficientnet.r160_in1k", "--weights", "none")
CLIP = ("--size", "64", "--frames", "4")
HANG_S = 120.0


@dataclass(frozen=True)
class Outcome:
    """How a command ended.

    Attributes:
        status: exit status; negative for a signal.
        output: what it printed, on both outputs.
        killed: whether it was killed before its end, as wanted.
        seconds: how long it ran.
    """

    status: int
    output: str
    killed: bool
    seconds: float

    @property
    def fault(self) -> str:
        """What is wrong with the end itself: a signal, a traceback, or a hang."""
        if self.killed:
            return ""
        if self.seconds > HANG_S:
            return "hang"
        if self.status < 0:
            return f"signal {-self.status}"
        if "Traceback (most recent call last)" in self.output:
            return "traceback: " + self.output.strip().splitlines()[-1][:200]
        if self.status and "error: " not in self.output and '"error": ' not in self.output:
            return "no error message: " + self.output[-200:]
        return ""


@dataclass
class Row:
    """A row of the results; ``lost`` are the tries that broke the promise."""

    fault: str
    test: str
    tries: int = 0
    lost: int = 0
    left_behind: int = 0
    seconds: float = 0.0
    detail: dict[str, int] = field(default_factory=dict)

    def count(self, what: str) -> None:
        self.detail[what] = self.detail.get(what, 0) + 1

    def bad(self, what: str, where: str) -> None:
        """Count a broken promise, and print it."""
        self.lost += 1
        self.count(what.partition(":")[0])
        print(f"FAULT {self.fault}: {where}: {what}", flush=True)


class Workplace:
    """Clips, trained runs and exports, made once.

    Args:
        folder: for everything; emptied by the caller.
        seed: of all random choices.
    """

    def __init__(self, folder: Path, seed: int = 0) -> None:
        self.folder, self.chance = folder, random.Random(seed)
        self._number = 0
        for name in LIBRARIES:
            importlib.import_module(name)
        self.clips = folder / "clips"
        in_child(_write_clips, self.clips)

    def new(self, name: str) -> Path:
        """A folder that does not exist yet, in one that does and is empty."""
        self._number += 1
        parent = self.folder / f"{self._number:04}"
        parent.mkdir()
        return parent / name

    @cached_property
    def run(self) -> Path:
        """A small trained run."""
        out = self.new("run")
        self.must("train", self.clips, "--out", out, *BACKBONE, *CLIP, "--epochs", "3")
        return out

    @cached_property
    def exported(self) -> Path:
        """The run as ONNX."""
        out = self.new("exported")
        self.must("export", self.run, "--out", out)
        return out

    @cached_property
    def pretrained(self) -> Path:
        """A small pretraining, with its segmenter."""
        out = self.new("shape")
        words = ("--size", "64", "--epochs", "1")
        self.must("pretrain", "synthetic:4", "--out", out, *BACKBONE, *words)
        return out

    def must(
        self,
        *words: object,
        cache: Path | None = None,
        setup: Callable[[], None] | None = None,
    ) -> Outcome:
        """Run a command that has to succeed."""
        outcome = self.command(*words, cache=cache, setup=setup)
        if outcome.status:
            raise SystemExit(f"{words}: status {outcome.status}\n{outcome.output[-3000:]}")
        return outcome

    def command(
        self,
        *words: object,
        cache: Path | None = None,
        kill_after_s: float | None = None,
        setup: Callable[[], None] | None = None,
    ) -> Outcome:
        """Run ``transnet`` with some words, and kill it with its children after a time."""
        log = self.folder / "log"
        started = time.perf_counter()
        pid = os.fork()
        if not pid:
            _child(words, cache or self.folder / "cache", log, setup)
        limit_s = HANG_S if kill_after_s is None else kill_after_s
        status = _wait(pid, started + limit_s)
        late = status is None
        if late:
            os.killpg(pid, signal.SIGKILL)
            _, raw = os.waitpid(pid, 0)
            status = os.waitstatus_to_exitcode(raw)
        elif status is not None and status < 0:
            _end_group(pid)
        output = log.read_text(errors="replace").replace("\r", "\n")
        killed = late and kill_after_s is not None
        return Outcome(status or 0, output, killed, time.perf_counter() - started)


def _end_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _wait(pid: int, until: float) -> int | None:
    while time.perf_counter() < until:
        found, raw = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(raw)
        time.sleep(0.002)
    return None


def _child(words: Any, cache: Path, log: Path, setup: Callable[[], None] | None) -> None:
    """The command, in a child; never returns."""
    status = 99
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        os.environ["TRANSNET_CACHE"] = str(cache)
        if setup:
            setup()
        from transnet.cli import main

        status = main([str(word) for word in words])
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except (OSError, ValueError):
            pass
        os._exit(status)


def in_child(function: Callable[..., Any], *arguments: Any) -> Any:
    """The result of a function that runs in a forked child, so that this process has no threads."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            with os.fdopen(writing, "wb") as file:
                pickle.dump(function(*arguments), file)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        content = file.read()
    if os.waitpid(pid, 0)[1]:
        raise SystemExit(f"{function.__name__}{arguments} has failed")
    return pickle.loads(content)


def _write_clips(folder: Path) -> None:
    from transnet.data.synthetic.clips import write_dataset

    actions = ("boxing", "handwaving", "walking")
    write_dataset(folder, people=5, clips=2, actions=actions, num_frames=16)


def digests(folder: Path, names: tuple[str, ...] = ("*",)) -> dict[str, str]:
    """A hash of each file whose name fits one of some patterns, by its path in the folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha1(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and any(path.match(name) for name in names)
    }


def table_rows(folder: Path) -> list[dict[str, Any]]:
    """The rows of the Parquet parts of a folder, sorted, without how long they took."""
    rows = in_child(_read_parts, folder)
    return sorted(rows, key=repr)


def _read_parts(folder: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    rows: list[dict[str, Any]] = pq.read_table(folder).to_pylist()
    return [{name: row[name] for name in row if name != "seconds"} for row in rows]


def metrics_of(run: Path) -> dict[str, Any]:
    """The metrics of an evaluated run, without how long it took."""
    metrics: dict[str, Any] = json.loads((run / "metrics.json").read_text())
    return {name: metrics[name] for name in metrics if "seconds" not in name}


def remove(folder: Path) -> None:
    """Remove a folder of :meth:`Workplace.new`, with the one around it."""
    shutil.rmtree(folder.parent, ignore_errors=True)
