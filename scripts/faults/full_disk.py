"""Full disks: each command that writes, on a small file system in memory (Linux, root)."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.faults.kills import kth_server
from scripts.faults.workplace import (
    BACKBONE,
    CLIP,
    Outcome,
    Row,
    Workplace,
    digests,
    in_child,
    metrics_of,
    table_rows,
)

LARGE = "400m"
SLOW_S = 3.0  # of a command longer than this, every fourth try is finished


@dataclass(frozen=True)
class Writer:
    """A command that writes.

    Attributes:
        name: the command.
        words: with its output folder.
        content: what has to be equal, given the output folder.
        before: puts there what the command needs.
        setup: called in the child before the command.
    """

    name: str
    words: Callable[[Path], list[object]]
    content: Callable[[Path], Any]
    before: Callable[[Path], None] | None = None
    setup: Callable[[], None] | None = None


def full_disk(work: Workplace, tries: int) -> Iterator[Row]:
    """One row a command; ``tries`` amounts of free space each."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        print("full disks need root, to mount file systems of a few kilobytes", flush=True)
        return
    disk = work.new("disk")
    disk.mkdir()
    with kth_server(work) as setup:
        for writer in _writers(work, setup):
            yield _filled(work, writer, disk, tries)
    yield _full_output(work, tries)


def _filled(work: Workplace, writer: Writer, disk: Path, tries: int) -> Row:
    row = Row(f"full disk: {writer.name}", "python -m scripts.faults --only disk")
    out, cache = disk / "out", disk / "cache"
    with _Mounted(disk) as mounted:
        _prepare(writer, out)
        before = mounted.used()
        first = work.must(*writer.words(out), cache=cache, setup=writer.setup)
        needed, expected, names = mounted.used() - before, writer.content(out), _names(disk)
    for number in range(tries):
        row.tries += 1
        with _Mounted(disk) as mounted:
            _prepare(writer, out)
            amount = work.chance.randrange(needed + 1) // 4096 * 4096
            mounted.resize(max(4096, mounted.used() + amount))
            found = work.command(*writer.words(out), cache=cache, setup=writer.setup)
            where = f"{amount} of {needed} bytes left"
            if found.fault or len(_errors(found)) > 1:
                row.bad(found.fault or f"{len(_errors(found))} errors", where)
                print(found.output[-1500:], flush=True)
                continue
            row.count("fitted" if not found.status else "named")
            if found.status and first.seconds > SLOW_S and number % 4:
                continue
            mounted.resize(LARGE)
            again = found
            if found.status:
                again = work.command(*writer.words(out), cache=cache, setup=writer.setup)
            if again.fault or again.status:
                row.bad(f"cannot go on: {again.fault or again.output[-600:]}", where)
                continue
            if writer.content(out) != expected:
                row.bad("different", where)
                continue
            row.count("went on")
            extra = _names(disk) - names
            row.left_behind += len(extra)
            if extra:
                print(f"LEFT {row.fault}: {sorted(extra)}", flush=True)
    return row


def _full_output(work: Workplace, tries: int) -> Row:
    row = Row("full disk: standard output", "python -m scripts.faults --only disk")
    commands: list[list[object]] = [
        ["predict", work.run, work.clips],
        ["predict", work.run, work.clips, "--json"],
        ["label", work.clips, "--run", work.run, "--out", work.new("labels"), "--json"],
        ["live", work.run, next(work.clips.rglob("*.avi")), "--json"],
    ]

    def fill() -> None:
        os.dup2(os.open("/dev/full", os.O_WRONLY), 1)

    for number in range(tries):
        row.tries += 1
        found = work.command(*commands[number % len(commands)], setup=fill)
        if found.fault or not found.status or len(_errors(found)) > 1:
            row.bad(found.fault or f"status {found.status}", str(commands[number % len(commands)]))
            print(found.output[-1500:], flush=True)
        else:
            row.count("named")
    return row


def _errors(outcome: Outcome) -> list[str]:
    return [line for line in outcome.output.splitlines() if line.startswith("error: ")]


def _prepare(writer: Writer, out: Path) -> None:
    if writer.before:
        writer.before(out)


def _writers(work: Workplace, setup: Callable[[], None]) -> list[Writer]:
    train: list[object] = ["train", work.clips, *BACKBONE, *CLIP, "--resume", "--out"]
    weights = ("model.safetensors", "novelty.safetensors", "clips.csv")
    shape, photo = work.pretrained, work.new("photo.png")
    in_child(_write_photo, photo)
    video = next((work.clips / "boxing").rglob("*.avi"))
    pretraining: list[object] = ["pretrain", "synthetic:4", *BACKBONE, "--size", "64"]

    def anything(out: Path) -> Any:
        return sorted(path.name for path in out.rglob("*") if path.is_file())

    def copy_run(out: Path) -> None:
        shutil.copytree(work.run, out)

    return [
        Writer("train", lambda o: [*train, o, "--epochs", "2"], lambda o: digests(o, weights)),
        Writer(
            "train --freeze false",
            lambda o: [*train, o, "--epochs", "1", "--freeze", "false"],
            lambda o: digests(o, weights),
        ),
        Writer(
            "pretrain",
            lambda o: [*pretraining, "--epochs", "1", "--resume", "--out", o],
            lambda o: digests(o, ("encoder.safetensors", "decoder.safetensors")),
        ),
        Writer("evaluate", lambda o: ["evaluate", o], metrics_of, copy_run),
        Writer("export", lambda o: ["export", work.run, "--out", o], digests),
        Writer("label", lambda o: ["label", work.clips, "--run", work.run, "--out", o], table_rows),
        Writer(
            "features",
            lambda o: ["features", work.clips, *BACKBONE, *CLIP, "--out", o],
            table_rows,
        ),
        Writer("check", lambda o: ["check", work.clips, "--out", o], anything),
        Writer(
            "audit",
            lambda o: ["audit", work.clips, "--split", "paper", *BACKBONE, *CLIP, "--out", o],
            anything,
        ),
        Writer("explain", lambda o: ["explain", work.run, video, "--out", o], anything),
        Writer(
            "predict --timeline",
            lambda o: [
                "predict",
                work.run,
                video,
                video,
                "--timeline",
                "--format",
                "html",
                "--out",
                o,
            ],
            anything,
        ),
        Writer("segment", lambda o: ["segment", shape, photo, "--out", o], digests),
        Writer("download", lambda o: ["download", "kth", "--to", o], digests, setup=setup),
        Writer("live --out", lambda o: ["live", work.run, video, "--out", f"{o}.mp4"], anything),
        Writer("suggest", lambda o: ["suggest", work.run, work.clips, "--out", o], anything),
    ]


def _write_photo(path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (96, 96), "gray").save(path)


def _names(disk: Path) -> set[str]:
    return {
        "/".join(path.relative_to(disk).parts)
        for path in disk.rglob("*")
        if "logs" not in path.parts and not path.name.startswith("part-")
    }


class _Mounted:
    """A file system in memory, mounted on a folder in the block."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> _Mounted:
        self._mount("-t", "tmpfs", "-o", f"size={LARGE}", "tmpfs")
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "--lazy", self._folder], check=True)

    def used(self) -> int:
        """Bytes in use."""
        status = os.statvfs(self._folder)
        return (status.f_blocks - status.f_bfree) * status.f_frsize

    def resize(self, size: int | str) -> None:
        """Change how much it holds."""
        self._mount("-o", f"remount,size={size}")

    def _mount(self, *words: str) -> None:
        subprocess.run(["mount", *words, self._folder], check=True)
