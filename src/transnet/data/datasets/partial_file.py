"""The part of a file that an interrupted download has left, and the rest of it."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from http.client import HTTPResponse
from pathlib import Path
from typing import Any


class PartialFile:
    """``NAME.part``, and ``NAME.part.json`` with what the server said of the file.

    It is continued only by an answer that begins where it ends and is of the same file: by the
    entity tag or the date (``If-Range``, RFC 9110, section 13.1.5), and by the length.

    Args:
        target: the file to download.

    Attributes:
        path: the part.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self.path = target.with_name(target.name + ".part")
        self._record = target.with_name(target.name + ".part.json")
        self._known = self._read()

    @property
    def size(self) -> int:
        """Bytes that were downloaded; 0 if it is unknown of which file."""
        return self.path.stat().st_size if self._known and self.path.exists() else 0

    def headers(self) -> dict[str, str]:
        """The headers that ask for the rest."""
        asked = {"Range": f"bytes={self.size}-"}
        validator = self._known.get("validator")
        return {**asked, "If-Range": str(validator)} if validator else asked

    def is_continued_by(self, response: HTTPResponse) -> bool:
        """Whether an answer with status 206 is the rest of this file."""
        begin, total = _content_range(response)
        same = self._known.get("total") in (None, total) and (
            self._known.get("validator") in (None, _validator(response) or None)
            or not _validator(response)
        )
        return begin == self.size and same and (total is None or total >= self.size)

    def accept(self, response: HTTPResponse) -> tuple[int, int | None]:
        """Bytes to keep and bytes of the whole file, if it is known; the latter is remembered."""
        if response.status == 206:
            return self.size, _content_range(response)[1]
        length = response.headers.get("Content-Length")
        total = int(length) if length else None
        self._known = {"validator": _validator(response) or None, "total": total}
        self.path.unlink(missing_ok=True)
        self._record.write_text(json.dumps(self._known), encoding="utf-8")
        return 0, total

    def discard(self) -> None:
        """Remove it, to start from the beginning."""
        self._known = {}
        for path in (self.path, self._record):
            path.unlink(missing_ok=True)

    def finish(self) -> None:
        """Give the complete file its name."""
        os.replace(self.path, self._target)
        self._record.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any]:
        with suppress(OSError, ValueError):
            found = json.loads(self._record.read_text(encoding="utf-8"))
            if isinstance(found, dict):
                return found
        return {}


def _validator(response: HTTPResponse) -> str:
    tag = response.headers.get("ETag") or ""
    if tag and not tag.startswith("W/"):  # weak tags do not promise equal bytes
        return tag
    return response.headers.get("Last-Modified") or ""


def _content_range(response: HTTPResponse) -> tuple[int | None, int | None]:
    """The first byte of an answer and the length of the file, where it says so."""
    text = response.headers.get("Content-Range") or ""
    found = re.fullmatch(r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18}|\*)", text.strip())
    if not found:
        return None, None
    return int(found[1]), None if found[2] == "*" else int(found[2])
