"""Write the tables and charts of the documents anew from the recorded results.

::

    python benchmarks/render_results.py
"""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

import matplotlib

from transnet.benchmark.charts import bars
from transnet.benchmark.measurement import read_csv, text_table
from transnet.benchmark.report import Section, sections
from transnet.evaluation.results import means, read_results, table
from transnet.page import chart_markup

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "docs/measurements.md", ROOT / "docs/benchmark.md")
CHARTS = ROOT / "docs/benchmark"
RESULTS = ROOT / "benchmarks/results.csv"
BENCHMARK = ROOT / "benchmarks/benchmark.csv"


def rendered(page: str) -> str:
    """The page with its tables, each between a comment that says which and ``<!-- end -->``.

    ``results: RECIPE`` are the means of a recipe (``*`` is any text), ``results: RECIPE@DATA``
    those on one data set, ``benchmark: PART`` the tables and charts of that part.
    """
    results = read_results(RESULTS)

    def fill_results(wanted: str) -> str:
        recipe, _, data = wanted.partition("@")
        rows = means(
            result for result in results
            if fnmatch(result.recipe, recipe) and fnmatch(result.data, data or "*")
        )  # fmt: skip
        families = [row for row in rows if "mean of" in row.split]
        if families and len(rows) > 6:  # a fold for each person says little
            rows = families
        return table(rows, markdown=True)

    fills = {"results": fill_results, "benchmark": _benchmark}

    def fill(match: re.Match[str]) -> str:
        return f"<!-- {match[1]}: {match[2]} -->\n{fills[match[1]](match[2])}\n<!-- end -->"

    return re.sub(
        r"<!-- (results|benchmark): (\S+) -->\n.*?<!-- end -->", fill, page, flags=re.DOTALL
    )


def _benchmark(part: str) -> str:
    found = _sections(part)
    blocks = [
        f"**{section.title}**\n\n{text_table(section.rows, markdown=True)}\n\n"
        f"![{section.title}]({CHARTS.name}/{section.name}.svg)"
        for section in found
    ]
    return "\n\n".join([*blocks, *dict.fromkeys(f"{section.where}." for section in found)])


def _sections(part: str) -> list[Section]:
    return sections(record for record in read_csv(BENCHMARK) if record[0].part == part)


def draw_charts() -> None:
    """A chart for each table of the benchmark."""
    CHARTS.mkdir(exist_ok=True)
    for old in CHARTS.glob("*.svg"):
        old.unlink()
    for section in sections(read_csv(BENCHMARK)):
        with matplotlib.rc_context({"svg.hashsalt": "transnet"}):  # equal charts, equal files
            svg = chart_markup(bars(section.rows))
        (CHARTS / f"{section.name}.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(rendered(path.read_text(encoding="utf-8")), encoding="utf-8")
        print(f"saved to {path}")
    draw_charts()
    print(f"saved to {CHARTS}")
