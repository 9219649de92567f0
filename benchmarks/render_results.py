"""Write the tables of ``docs/measurements.md`` anew from ``benchmarks/results.csv``.

::

    python benchmarks/render_results.py
"""

from __future__ import annotations

import csv
import re
from fnmatch import fnmatch
from pathlib import Path

from transnet.evaluation.results import means, read_results, table

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/measurements.md"
RESULTS = ROOT / "benchmarks/results.csv"


def rendered(page: str) -> str:
    """The page with its tables.

    Between ``<!-- results: RECIPE -->`` and ``<!-- end -->`` stand the means of a recipe (``*`` is
    any text), between ``<!-- table: FILE.csv -->`` and ``<!-- end -->`` the rows of that file.
    """
    results = read_results(RESULTS)

    def fill_results(match: re.Match[str]) -> str:
        rows = means(result for result in results if fnmatch(result.recipe, match[1]))
        families = [row for row in rows if "mean of" in row.split]
        if len(rows) > 6:  # a fold for each person says little
            rows = families
        return f"{match[0].splitlines()[0]}\n{table(rows, markdown=True)}\n<!-- end -->"

    def fill_table(match: re.Match[str]) -> str:
        with open(RESULTS.with_name(match[1]), newline="", encoding="utf-8") as file:
            head, *rows = csv.reader(file)
        lines = [[name.replace("_", " ") for name in head], ["---"] * len(head), *rows]
        body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return f"{match[0].splitlines()[0]}\n{body}\n<!-- end -->"

    page = re.sub(r"<!-- results: (\S+) -->\n.*?<!-- end -->", fill_results, page, flags=re.DOTALL)
    return re.sub(r"<!-- table: (\S+) -->\n.*?<!-- end -->", fill_table, page, flags=re.DOTALL)


if __name__ == "__main__":
    PAGE.write_text(rendered(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"saved to {PAGE}")
