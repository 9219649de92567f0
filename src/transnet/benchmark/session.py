"""A run of the benchmark: part after part, into the table, the page and the terminal."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from transnet.benchmark.machine import Machine, this_machine
from transnet.benchmark.measurement import Measurement
from transnet.benchmark.parts import PARTS, measure_in_process, thread_counts
from transnet.benchmark.report import sections, summary, write_page
from transnet.benchmark.results_file import BenchmarkRow, read_benchmark, write_benchmark
from transnet.benchmark.setting import Setting
from transnet.benchmark.text_tables import text_table
from transnet.commands.output import print_json
from transnet.utils.progress import say


def measure_parts(
    parts: Sequence[str], setting: Setting, threads: Sequence[int], folder: Path, *, json: bool
) -> None:
    """Measure parts and write ``benchmark.csv`` and ``benchmark.html``.

    Rows of parts that are not measured again stay in the files.

    Args:
        parts: names of parts.
        setting: what all parts share.
        threads: the numbers of threads.
        folder: the output folder.
        json: print a JSON object per row instead of tables.

    Raises:
        TransNetError: a setting is wrong, or a file cannot be read or written.
    """
    setting.recognizer()  # a mistake in the settings concerns every part
    machine = this_machine()
    say(str(machine))
    table = folder / "benchmark.csv"
    rows = read_benchmark(table) if table.exists() else []
    measured: list[Measurement] = []
    for part in parts:
        for count in thread_counts(part, threads):
            new = measure_in_process(part, replace(setting, threads=count))
            measured += new
            rows = _updated(rows, [(row, machine) for row in new])
            write_benchmark(table, rows)  # after every part: an interrupted run keeps its rows
            _show(new, machine, json=json)
    write_page(folder / "benchmark.html", rows, _command())
    say(f"\n{summary(measured)}")
    say(f"saved to {table} and {folder / 'benchmark.html'}")


def _updated(rows: Sequence[BenchmarkRow], new: Sequence[BenchmarkRow]) -> list[BenchmarkRow]:
    """The rows, with those of the newly measured parts and numbers of threads replaced."""
    measured = {(row.part, row.threads) for row, _ in new}
    kept = [(row, m) for row, m in rows if (row.part, row.threads) not in measured]
    order = {part: number for number, part in enumerate(PARTS)}
    return sorted([*kept, *new], key=lambda r: (order.get(r[0].part, len(order)), r[0].threads))


def _show(rows: Sequence[Measurement], machine: Machine, *, json: bool) -> None:
    if json:
        for row in rows:
            print_json(asdict(row))
        return
    for section in sections((row, machine) for row in rows):
        say(f"\n{section.title}\n{text_table(section.rows)}", standard_output=True)


def _command() -> str:
    if sys.argv[1:2] == ["benchmark"]:
        return shlex.join(["transnet", *sys.argv[1:]])
    return "transnet benchmark"
