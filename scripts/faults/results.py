"""``results/faults.csv``, and the table of ``docs/reliability.md`` that is made from it."""

from __future__ import annotations

import csv
import re
import subprocess
from pathlib import Path

from scripts.faults.workplace import Row

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results/faults.csv"
PAGE = ROOT / "docs/reliability.md"
COLUMNS = ("fault", "tries", "lost", "left_behind", "seconds", "commit", "test", "detail")


def record(row: Row) -> None:
    """Add a row, in place of the one of the same fault, and render the page."""
    rows = [old for old in read() if old["fault"] != row.fault]
    rows.append(
        {
            "fault": row.fault,
            "tries": str(row.tries),
            "lost": str(row.lost),
            "left_behind": str(row.left_behind),
            "seconds": f"{row.seconds:.0f}",
            "commit": _commit(),
            "test": row.test,
            "detail": ", ".join(f"{count} {what}" for what, count in sorted(row.detail.items())),
        }
    )
    RESULTS.parent.mkdir(exist_ok=True)
    with open(RESULTS, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(sorted(rows, key=lambda row: row["fault"]))
    if PAGE.exists():
        PAGE.write_text(rendered(PAGE.read_text()))


def read() -> list[dict[str, str]]:
    """The recorded rows."""
    if not RESULTS.exists():
        return []
    with open(RESULTS, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def rendered(page: str) -> str:
    """The page with the table between ``<!-- faults -->`` and ``<!-- end -->``."""
    shown = ("fault", "tries", "lost", "left_behind", "detail")
    lines = [
        "| fault | tries | broken promises | left behind | what happened |",
        "| --- | ---: | ---: | ---: | --- |",
        *("| " + " | ".join(row[name] for name in shown) + " |" for row in read()),
    ]
    table = "\n".join(lines)
    return re.sub(
        r"<!-- faults -->\n.*?<!-- end -->",
        lambda _: f"<!-- faults -->\n{table}\n<!-- end -->",
        page,
        flags=re.DOTALL,
    )


def _commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()
