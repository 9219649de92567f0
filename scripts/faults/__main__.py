"""Run the faults; see :mod:`scripts.faults`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from scripts.faults.containers import containers
from scripts.faults.damage import damage
from scripts.faults.disguises import disguises
from scripts.faults.full_disk import full_disk
from scripts.faults.kills import kill
from scripts.faults.results import record
from scripts.faults.workplace import Row, Workplace

KINDS: dict[str, tuple[Callable[[Workplace, int], Iterator[Row]], int]] = {
    "kill": (kill, 100),
    "damage": (damage, 300),
    "disk": (full_disk, 20),
    "disguise": (disguises, 100),
    "containers": (containers, 1000),
}
"""Name to what makes the fault, and the number of tries."""


def main() -> int:
    """Run the kinds that the command line asks for; 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=list(KINDS), action="append", help="by default all")
    parser.add_argument("--tries", type=int, help="instead of the issue's number")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="for the files; by default a temporary one")
    parser.add_argument("--dry", action="store_true", help="do not write results and docs")
    words = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory(dir=words.folder) as folder:
        work = Workplace(Path(folder), words.seed)
        for name in words.only or KINDS:
            make, tries = KINDS[name]
            started = time.perf_counter()
            for row in make(work, words.tries or tries):
                row.seconds, started = time.perf_counter() - started, time.perf_counter()
                failed |= bool(row.lost or row.left_behind)
                print(row, flush=True)
                if not words.dry:
                    record(row)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
