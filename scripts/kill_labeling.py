"""Kill ``transnet label`` at random moments, and compare its rows with those of a whole run.

::

    python scripts/kill_labeling.py SOURCE --run RUN --out FOLDER --kills 20 [--engine ray]

Prints one JSON object: kills, rows, lost, twice, different. Exits with 1 if one of the last three
is not 0.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq


def main() -> int:
    """Run the attack that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source")
    parser.add_argument("--run", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--engine", default="local")
    parser.add_argument("--longest-s", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--whole", type=Path, help="rows of a whole run; by default made first")
    words = parser.parse_args()
    label = ["label", words.source, "--run", words.run, "--part-seconds", "1"]
    whole = words.whole or words.out / "whole"
    if not words.whole:
        subprocess.run(command([*label, "--out", str(whole)]), check=True)
    attacked = words.out / "attacked"
    label += ["--engine", words.engine, "--out", str(attacked)]
    chance, killed, kills = random.Random(words.seed), [], 0
    while kills < words.kills:
        process = subprocess.Popen(command(label), start_new_session=True)
        time.sleep(chance.uniform(0.5, words.longest_s))
        if process.poll() is not None:
            break  # it was done before
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        kills += 1
        killed.append(count(attacked))
    subprocess.run(command(label), check=True)
    found, expected = rows(attacked), {row["path"]: row for row in rows(whole)}
    times = Counter(row["path"] for row in found)
    result: dict[str, Any] = {
        "kills": kills,
        "rows_at_kills": killed,
        "rows": len(found),
        "expected": len(expected),
        "errors": sum(row["label"] is None for row in found),
        "lost": len(expected.keys() - times.keys()),
        "twice": sum(times.values()) - len(times),
        "different": sum(row != expected.get(row["path"]) for row in found),
        "left_behind": [p.name for p in attacked.glob(".part-*")],
    }
    print(json.dumps(result))
    return 1 if result["lost"] or result["twice"] or result["different"] else 0


def command(words: list[str]) -> list[str]:
    """A ``transnet`` command in this Python."""
    return [sys.executable, "-m", "transnet", *words]


def rows(folder: Path) -> list[dict[str, Any]]:
    """The rows of all parts."""
    return pq.read_table(folder).to_pylist()


def count(folder: Path) -> int:
    """How many rows are written."""
    return sum(pq.read_metadata(path).num_rows for path in folder.glob("part-*"))


if __name__ == "__main__":
    sys.exit(main())
