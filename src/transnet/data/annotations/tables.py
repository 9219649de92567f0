"""Tables in any dialect: encoding, delimiter, and header as spreadsheets and tools write them."""

from __future__ import annotations

import codecs
import csv
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from transnet.data.labels import SEPARATOR, clean_text
from transnet.errors import TransNetError

DELIMITERS = ",;\t|"
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
NUMBER = re.compile(r"[0-9]{0,15}[.,]?[0-9]{0,15}")
_CLOCK = re.compile(r"(?:([0-9]{1,6}):)?([0-9]{1,6}):([0-9]{1,6}(?:[.,][0-9]{0,15})?)")
MAX_SHOWN = 40
_SAMPLE_BYTES = 4096


def encoding_of(start: bytes) -> str:
    """The encoding of a text, by its first bytes; UTF-8 unless they say otherwise."""
    for mark, encoding in _BOMS.items():
        if start.startswith(mark):
            return encoding
    # UTF-16 without a mark: every other byte of ASCII is zero.
    for offset, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        half = start[offset::2]
        if half and half.count(0) > 0.6 * len(half):
            return encoding
    return "utf-8"


def open_text(path: Path) -> TextIO:
    """Open a text in its own encoding; bytes that are not UTF-8 become surrogates.

    Raises:
        OSError: it cannot be opened.
    """
    with open(path, "rb") as file:
        encoding = encoding_of(file.read(_SAMPLE_BYTES))
    errors = "surrogateescape" if encoding.startswith("utf-8") else "strict"
    return open(path, newline="", encoding=encoding, errors=errors)


def read_text(path: Path) -> str:
    """The whole text of a file in its own encoding.

    Raises:
        TransNetError: it cannot be read.
    """
    try:
        with open_text(path) as file:
            return clean_text(file.read())
    except (OSError, UnicodeError) as error:
        raise TransNetError(f"{path} cannot be read as text: {error}.") from error


def named_file(folder: Path, name: str) -> Path:
    """A file that a table names: as written, or with the backslashes of Windows as slashes."""
    found = folder / name
    if "\\" in name and not os.path.lexists(found):
        return folder / name.replace("\\", "/")
    return found


@dataclass(frozen=True)
class Table:
    """The header of a table, and how to read its rows.

    Attributes:
        path: the file.
        columns: names of the columns, trimmed and in lower case.
        delimiter: between the values.
        first_line: number of the line of the header, from 1.
    """

    path: Path
    columns: tuple[str, ...]
    delimiter: str
    first_line: int

    @classmethod
    def open(cls, path: Path, wanted: Sequence[str]) -> Table:
        """Read the header of a table.

        Args:
            path: the file.
            wanted: names of columns that tell the delimiter.

        Raises:
            TransNetError: the file cannot be read.
        """
        try:
            with open_text(path) as file:
                number, line, delimiters = 1, file.readline(), DELIMITERS
                if line.strip().strip('"').lower().startswith("sep="):
                    delimiters = line.strip().strip('"')[len("sep=") :] or "\t"
                    number, line = 2, file.readline()
                while line and not line.strip(" \t\r\n,;|"):
                    number, line = number + 1, file.readline()
        except (OSError, UnicodeError) as error:
            raise TransNetError(f"{path} cannot be read as a CSV file: {error}.") from error
        headers = {delimiter: _header(line, delimiter) for delimiter in delimiters}
        best = max(headers, key=lambda d: (len({*wanted} & {*headers[d]}), len(headers[d])))
        return cls(path, headers[best], best, number)

    def rows(self) -> Iterator[tuple[int, Mapping[str, str]]]:
        """The number of the line and the trimmed values of each row that is not empty.

        Raises:
            TransNetError: the file cannot be read.
        """
        try:
            with open_text(self.path) as file:
                for _ in range(self.first_line):
                    file.readline()
                rows = csv.reader(file, delimiter=self.delimiter, skipinitialspace=True)
                for row in rows:
                    # Spreadsheets leave rows of delimiters, and delimiters at the end of rows.
                    values = [value.strip() for value in row]
                    if any(values):
                        self._refuse_cut_labels(self.first_line + rows.line_num, values)
                        padded = values + [""] * (len(self.columns) - len(values))
                        yield (
                            self.first_line + rows.line_num,
                            dict(zip(self.columns, padded, strict=False)),
                        )
        except (OSError, UnicodeError, csv.Error) as error:
            raise TransNetError(f"{self.path} cannot be read as a CSV file: {error}.") from error

    def _refuse_cut_labels(self, line: int, values: Sequence[str]) -> None:
        """Refuse ``path|walking|carrying``, which would lose a label."""
        if self.delimiter == SEPARATOR and any(values[len(self.columns) :]):
            raise TransNetError(
                f"{self.path}, line {line} has more values than the {len(self.columns)} columns, "
                f"with {SEPARATOR} between them; use commas between the columns, or put quotes "
                f'around several labels: "walking{SEPARATOR}carrying".'
            )


@dataclass(frozen=True)
class JsonLines:
    """A table with one JSON object per line.

    Attributes:
        path: the file.
        columns: names of the columns, trimmed and in lower case.
        fields: names of the fields, in the same order.
    """

    path: Path
    columns: tuple[str, ...]
    fields: tuple[str, ...]

    @classmethod
    def open(cls, path: Path) -> JsonLines:
        """Read the names of the fields from the first object.

        Raises:
            TransNetError: the file cannot be read.
        """
        first = next((row for _, row in _objects(path)), {})
        return cls(path, tuple(name.strip().lower() for name in first), tuple(first))

    def rows(self) -> Iterator[tuple[int, Mapping[str, str]]]:
        """The number of the line and the values of each object, as in :meth:`Table.rows`.

        Raises:
            TransNetError: the file cannot be read.
        """
        for number, row in _objects(self.path):
            values = (row.get(name) for name in self.fields)
            texts = ["" if value is None else str(value).strip() for value in values]
            yield number, dict(zip(self.columns, texts, strict=True))


def _objects(path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    try:
        with open_text(path) as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise TransNetError(f"{path}, line {number} is no JSON object.")
                yield number, row
    except (OSError, ValueError, RecursionError) as error:
        raise TransNetError(f"{path} cannot be read as JSON lines: {error}.") from error


def _header(line: str, delimiter: str) -> tuple[str, ...]:
    cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    return tuple(clean_text(cell).strip().lower() for cell in cells)


def parse_seconds(value: str, name: str, where: str) -> float:
    """Seconds as a number or as ``[hours:]minutes:seconds``, with a decimal point or comma.

    Raises:
        TransNetError: it is neither.
    """
    if match := _CLOCK.fullmatch(value):
        hours, minutes, rest = match.groups()
        return 3600 * int(hours or 0) + 60 * int(minutes) + float(rest.replace(",", "."))
    if NUMBER.fullmatch(value) and any(digit.isdigit() for digit in value):
        return float(value.replace(",", "."))
    raise TransNetError(
        f"{where}: {name} is {shown(value)}; accepted: seconds, 0 or more, like 12.5 or 0:12.5."
    )


def shown(value: str) -> str:
    """A value for an error; a long one is cut."""
    return repr(value if len(value) <= MAX_SHOWN else f"{value[:MAX_SHOWN]}...")
