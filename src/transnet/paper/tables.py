"""Tables: the figures as printed in the paper, and a table of results.

The figures are facts of *TransNet: A Transfer Learning-Based Network for Human Action Recognition*
(Alomar and Cai, 2023), Tables I to V; those of other methods in Tables III to V are as cited there.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from transnet.reports.page import render
from transnet.reports.tables import latex_columns, markdown_columns, plain_columns
from transnet.utils.files import written_whole


@dataclass(frozen=True)
class ResultTable:
    """A table of results.

    Attributes:
        title: its title.
        columns: names of the columns.
        rows: a text per column.
        notes: remarks below the table.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = field(default=())

    def text(self) -> str:
        """The table for a terminal."""
        return "\n".join(
            [self.title, "", plain_columns([self.columns, *self.rows]), "", *self.notes]
        )

    def markdown(self) -> str:
        """The table in Markdown."""
        body = markdown_columns([self.columns, *self.rows])
        return "\n\n".join([f"## {self.title}", body, *self.notes]) + "\n"

    def save(self, folder: Path, name: str) -> list[Path]:
        """Write ``name.csv``, ``.md``, ``.tex`` and ``.html`` and return them.

        Raises:
            TransNetError: the folder cannot be written.
        """
        paths = [folder / f"{name}.{suffix}" for suffix in ("csv", "md", "tex", "html")]
        with written_whole(paths[0]) as path, open(path, "w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([self.columns, *self.rows])
        with written_whole(paths[1]) as path:
            path.write_text(self.markdown(), encoding="utf-8")
        with written_whole(paths[2]) as path:
            path.write_text(latex_columns([self.columns, *self.rows]) + "\n", encoding="utf-8")
        with written_whole(paths[3]) as path:
            path.write_text(render("table.html.j2", table=self), encoding="utf-8")
        return paths


def printed(number: int) -> list[dict[str, str]]:
    """The rows of a table of the paper, 1 to 5, as printed."""
    table = resources.files("transnet.paper") / "printed" / f"table{number}.csv"
    return list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
