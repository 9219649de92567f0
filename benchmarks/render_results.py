"""Render the tables and charts of the documentation from the recorded results.

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
CLIPS_PER_EPOCH = 337  # of the four classes of UCF101, official:1


def rendered(page: str) -> str:
    """The page with its tables, each between a comment that names it and ``<!-- end -->``.

    ``results: RECIPE`` are the means of a recipe (``*`` is any text), ``results: RECIPE@DATA``
    those on one dataset, ``pretraining: DATA/SPLIT,...`` the grid of Table II, ``rivals: DATA`` the
    temporal models, ``scenes: BACKBONE`` the effect of the place, ``benchmark: PART`` the tables
    and charts of that part.
    """
    results = read_results(RESULTS)

    def fill_results(wanted: str) -> str:
        recipe, _, data = wanted.partition("@")
        rows = means(
            result
            for result in results
            if fnmatch(result.recipe, recipe) and fnmatch(result.data, data or "*")
        )
        families = [row for row in rows if "mean of" in row.split]
        if families and len(rows) > 6:  # one row per person is too much detail
            rows = families
        return table(rows, markdown_columns)

    fills = {
        "results": fill_results,
        "pretraining": partial(_pretraining, results),
        "rivals": partial(_temporal_models, results),
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
    """Backbones and pretrainings, a column per dataset, and the paper's figures."""
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


def _temporal_models(results: Sequence[RunResult], data: str) -> str:
    """Accuracy, size and time of the temporal models and 3D networks."""
    timed = {row.what: row for row, _ in read_benchmark(BENCHMARK) if row.part == "temporal"}
    headings = (
        "temporal model",
        "top-1, official splits, %",
        "from scratch, 64 px, split 1, %",
        "parameters, operations per clip",
        "epoch, s",
        "clip, ms",
    )
    lines = [headings]
    for what, clip in timed.items():
        name, _, kind = what.partition(", ")
        if kind != CLIP:
            continue
        step = timed[f"{name}, {STEP}"]
        line = (
            name,
            _figure(results, f"rivals-{name}", data, "official, mean of 3"),
            _figure(results, f"rivals-3d-{name}", data, "official:1"),
            clip.note,
            figure_text(CLIPS_PER_EPOCH * (step.ms or 0) / 1000, 3),
            figure_text(clip.ms or 0, 4),
        )
        lines.append(line)
    return markdown_columns(lines)


def _figure(results: Sequence[RunResult], recipe: str, data: str, split: str) -> str:
    rows = means(r for r in results if (r.recipe, r.data) == (recipe, data))
    return next((row.percent for row in rows if row.split == split), "")


def _scenes(backbone: str) -> str:
    """Top-1 in the places of the training and in those of other actions, by pretraining."""
    with open(SCENES, newline="", encoding="utf-8") as file:
        runs = list(csv.DictReader(file))
    lines = [(f"pretraining of {backbone}", "backbone is", "usual places", "shuffled", "lost")]
    for kind in dict.fromkeys(run["pretraining"] for run in runs):
        mine = [run for run in runs if run["pretraining"] == kind]
        usual, shuffled = (
            [100 * float(run[f"{place}_top1"]) for run in mine] for place in ("usual", "shuffled")
        )
        lost = [u - s for u, s in zip(usual, shuffled, strict=True)]
        line = (
            {"imagenet": "ImageNet", "hss": "human segmentation, from ImageNet"}.get(kind, kind),
            f"{mine[0]['learnt']}, {mine[0]['size']} px",
            *(f"{mean(share):.1f} ± {stdev(share):.1f}" for share in (usual, shuffled, lost)),
        )
        lines.append(line)
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
    """Draw a chart per table of the benchmark."""
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
