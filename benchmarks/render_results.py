"""Write the tables of ``docs/measurements.md`` anew from ``benchmarks/results.csv``.

::

    python benchmarks/render_results.py
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from transnet.evaluation.results import Result, means, read_results, table

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/measurements.md"
RESULTS = ROOT / "benchmarks/results.csv"


def rendered(page: str) -> str:
    """The page with a table between ``<!-- results: RECIPE -->`` and ``<!-- end -->``."""
    by_recipe: dict[str, list[Result]] = defaultdict(list)
    for result in read_results(RESULTS):
        by_recipe[result.recipe].append(result)

    def fill(match: re.Match[str]) -> str:
        rows = means(by_recipe[match[1]])
        families = [row for row in rows if "mean of" in row.split]
        if len(rows) > 6:  # a fold for each person says little
            rows = families
        return f"<!-- results: {match[1]} -->\n{table(rows, markdown=True)}\n<!-- end -->"

    return re.sub(r"<!-- results: (\S+) -->\n.*?<!-- end -->", fill, page, flags=re.DOTALL)


if __name__ == "__main__":
    PAGE.write_text(rendered(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"saved to {PAGE}")
