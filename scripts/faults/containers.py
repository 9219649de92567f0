"""Mutated and hostile containers, by the fuzzer."""

from __future__ import annotations

import resource
from collections.abc import Iterator

from scripts import fuzz
from scripts.faults.workplace import Row, Workplace


def containers(work: Workplace, tries: int) -> Iterator[Row]:
    """One row; the largest memory of a child is in its detail, in MiB."""
    row = Row("mutated containers", "python -m scripts.fuzz --reader videos", tries=tries)
    counts, faults = fuzz.run("videos", work.chance.randrange(2**32), tries)
    row.detail.update(counts)
    row.detail["MiB at most"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    for fault in faults:
        row.bad("fault", fault)
    yield row
