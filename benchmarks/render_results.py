"""Write the tables and charts of the documents anew from the recorded results.

::

    python benchmarks/render_results.py
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from statistics import mean, stdev

import matplotlib

from transnet.benchmark.charts import bars
from transnet.benchmark.report import Section, sections
from transnet.benchmark.results_file import read_benchmark
from transnet.benchmark.temporal import CLIP, STEP
from transnet.benchmark.text_tables import figure_text, text_table
from transnet.experiments.results import RunResult, means, read_results, table
from transnet.paper.tables import printed
from transnet.reports.page import chart_markup
from transnet.reports.tables import markdown_columns

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "docs/measurements.md", ROOT / "docs/benchmark.md")
CHARTS = ROOT / "docs/benchmark"
RESULTS = ROOT / "benchmarks/results.csv"
BENCHMARK = ROOT / "benchmarks/benchmark.csv"
SCENES = ROOT / "benchmarks/cross_scene.csv"
CLIPS_AN_EPOCH = 337  # of the four classes of UCF101, official:1


def rendered(page: str) -> str:
    """The page with its tables, each between a comment that says which and ``<!-- end -->``.

    ``results: RECIPE`` are the means of a recipe (``*`` is any text), ``results: RECIPE@DATA``
    those on one dataset, ``pretraining: DATA/SPLIT,...`` the grid of Table II, ``rivals: DATA``
    what joins the frames, ``scenes: BACKBONE`` what the place is worth, ``benchmark: PART`` the
    tables and charts of that part.
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

    fills = {
        "results": fill_results,
        "pretraining": partial(_pretraining, results),
        "rivals": partial(_rivals, results),
        "scenes": _scenes,
        "benchmark": _benchmark,
    }

    def fill(match: re.Match[str]) -> str:
        return f"<!-- {match[1]}: {match[2]} -->\n{fills[match[1]](match[2])}\n<!-- end -->"

    return re.sub(
        r"<!-- (results|pretraining|rivals|scenes|benchmark): (\S+) -->\n.*?<!-- end -->",
        fill,
        page,
        flags=re.DOTALL,
    )


def _pretraining(results: Sequence[RunResult], columns: str) -> str:
    """Backbones and what they had learned before, each dataset a column, beside the paper's."""
    lines = [("backbone", "pretraining", *columns.split(","), "the paper: KTH, random split")]
    for printed_row in printed(2):
        prefix = f"{printed_row['backbone']}, {printed_row['pretraining']}, "
        figures = [_cell(results, prefix, *column.split("/")) for column in columns.split(",")]
        if any(figures):
            paper = f"{printed_row['accuracy']} ± {printed_row['std']}"
            lines.append((printed_row["backbone"], printed_row["pretraining"], *figures, paper))
    return markdown_columns(lines)


def _cell(results: Sequence[RunResult], prefix: str, data: str, split: str) -> str:
    """``92.43 ± 1.31 (frozen at 224 px)``; of several folds their mean."""
    rows = means(r for r in results if r.recipe.startswith(prefix) and r.data == data)
    found = [row for row in rows if row.split == split or row.split.startswith(f"{split}, mean")]
    return "; ".join(f"{row.percent} ({row.recipe.rpartition(', ')[2]})" for row in found)


def _rivals(results: Sequence[RunResult], data: str) -> str:
    """What joins the frames: how well, how large, how long."""
    timed = {row.what: row for row, _ in read_benchmark(BENCHMARK) if row.part == "temporal"}
    lines = [(
        "what joins the frames", "top-1, official splits, %", "from nothing, 64 px, split 1, %",
        "parameters and work", "an epoch, s", "a clip, ms",
    )]  # fmt: skip
    for what, clip in timed.items():
        name, _, kind = what.partition(", ")
        if kind != CLIP:
            continue
        step = timed[f"{name}, {STEP}"]
        lines.append((
            name,
            _figure(results, f"rivals-{name}", data, "official, mean of 3"),
            _figure(results, f"rivals-3d-{name}", data, "official:1"),
            clip.note,
            figure_text(CLIPS_AN_EPOCH * (step.ms or 0) / 1000, 3),
            figure_text(clip.ms or 0, 4),
        ))  # fmt: skip
    return markdown_columns(lines)


def _figure(results: Sequence[RunResult], recipe: str, data: str, split: str) -> str:
    rows = means(r for r in results if (r.recipe, r.data) == (recipe, data))
    return next((row.percent for row in rows if row.split == split), "")


def _scenes(backbone: str) -> str:
    """Top-1 in the places of the training and in those of other actions, by pretraining."""
    with open(SCENES, newline="", encoding="utf-8") as file:
        runs = list(csv.DictReader(file))
    lines = [(f"what {backbone} had learned", "learned here", "usual places", "shuffled", "lost")]
    for kind in dict.fromkeys(run["pretraining"] for run in runs):
        mine = [run for run in runs if run["pretraining"] == kind]
        usual, shuffled = (
            [100 * float(run[f"{place}_top1"]) for run in mine] for place in ("usual", "shuffled")
        )
        lost = [u - s for u, s in zip(usual, shuffled, strict=True)]
        lines.append((
            {"imagenet": "ImageNet", "hss": "human shape, from ImageNet"}.get(kind, kind),
            f"{mine[0]['learnt']}, {mine[0]['size']} px",
            *(f"{mean(share):.1f} ± {stdev(share):.1f}" for share in (usual, shuffled, lost)),
        ))  # fmt: skip
    return markdown_columns(lines)


def _benchmark(part: str) -> str:
    found = _sections(part)
    blocks = [
        f"**{section.title}**\n\n{text_table(section.rows, markdown=True)}\n\n"
        f"![{section.title}]({CHARTS.name}/{section.name}.svg)"
        for section in found
    ]
    return "\n\n".join([*blocks, *dict.fromkeys(f"{section.where}." for section in found)])


def _sections(part: str) -> list[Section]:
    return sections(record for record in read_benchmark(BENCHMARK) if record[0].part == part)


def draw_charts() -> None:
    """A chart for each table of the benchmark."""
    CHARTS.mkdir(exist_ok=True)
    for old in CHARTS.glob("*.svg"):
        old.unlink()
    for section in sections(read_benchmark(BENCHMARK)):
        with matplotlib.rc_context({"svg.hashsalt": "transnet"}):  # equal charts, equal files
            svg = chart_markup(bars(section.rows))
        (CHARTS / f"{section.name}.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(rendered(path.read_text(encoding="utf-8")), encoding="utf-8")
        print(f"saved to {path}")
    draw_charts()
    print(f"saved to {CHARTS}")
