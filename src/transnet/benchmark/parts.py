"""The parts of the benchmark, and the processes in which they run.

Each part runs in a process of its own for each number of threads: the number of threads takes
effect, memory left over by one part does not slow down another, and a part that is killed does not
stop the others.
"""

from __future__ import annotations

import importlib
import logging
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from transnet.benchmark.contest import reason
from transnet.benchmark.measurement import Measurement

if TYPE_CHECKING:
    from transnet.benchmark.setting import Setting

PARTS = {
    "stream": "transnet.benchmark.stream",
    "clips": "transnet.benchmark.clips",
    "temporal": "transnet.benchmark.temporal",
    "int8": "transnet.benchmark.int8",
    "features": "transnet.benchmark.features",
    "training": "transnet.benchmark.training",
    "decoding": "transnet.benchmark.decoding",
    "answers": "transnet.benchmark.answers",
    "startup": "transnet.benchmark.startup",
}
"""Name to a module, whose ``measure_part(setting)`` returns the measurements."""

_FOR_ALL_THREAD_COUNTS = ("stream", "clips")
_ON_ONE_CORE = ("temporal", "int8")


def thread_counts(part: str, counts: Sequence[int]) -> Sequence[int]:
    """The numbers of threads to measure a part with, of those the user chose."""
    if part in _FOR_ALL_THREAD_COUNTS:
        return counts
    return (1,) if part in _ON_ONE_CORE else (max(counts),)


def measure_in_process(part: str, setting: Setting) -> list[Measurement]:
    """Measure a part in a process of its own; one row that says why if it fails."""
    try:
        with (
            _environment(OMP_NUM_THREADS=str(setting.threads)),
            ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool,
        ):
            rows = pool.submit(_measure, part, setting).result()
    except BrokenProcessPool:
        why = "its process was killed, perhaps for lack of memory"
    except Exception as error:  # of any kind: the other parts continue
        why = reason(error)
    else:
        described = f"{setting.backbone}, {setting.clip.frames} x {setting.clip.size}"
        return [replace(row, setting=described) for row in rows]
    return [Measurement(part, "all", "", 1, setting.threads, note=why)]


def _measure(part: str, setting: Setting) -> list[Measurement]:
    import torch

    # Users cannot act on the warnings of the compiler; its cost is measured.
    logging.getLogger("torch._dynamo").setLevel(logging.ERROR)
    torch.set_num_threads(setting.threads)
    return importlib.import_module(PARTS[part]).measure_part(setting)


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
