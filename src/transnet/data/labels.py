"""Labels as people type them: trimmed, normalized, and those that look alike."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

from transnet.config import NO_CLASS
from transnet.errors import TransNetError

SEPARATOR = "|"
"""Between the labels of a clip that has several at once: ``walking|carrying``."""

# Blanks that str.strip keeps: zero-width space, joiners, byte order mark.
_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_SEPARATORS = re.compile(r"[\s_\-./]+")


def clean_text(text: str) -> str:
    """Text that was read as UTF-8 with ``surrogateescape``, its other bytes read as cp1252.

    Example:
        >>> clean_text("gehen_f\\udcfcr")
        'gehen_für'
    """
    if text.isascii() or not re.search("[\udc80-\udcff]", text):
        return text
    return os.fsencode(text).decode("cp1252", errors="replace")


def clean_label(text: str) -> str:
    """A label without surrounding blanks and control characters, in Unicode's form NFC.

    Example:
        >>> clean_label(" walking ")
        'walking'
    """
    text = _CONTROL.sub(" ", clean_text(text))
    return unicodedata.normalize("NFC", text.strip().strip(_INVISIBLE).strip())


def split_labels(text: str) -> tuple[str, ...]:
    """The labels of a clip that may have several at once: trimmed, each once, sorted.

    A text without a separator is one label, as it is.

    Raises:
        TransNetError: a label is empty, or ``_none`` has others beside it.

    Example:
        >>> split_labels("walking | carrying")
        ('carrying', 'walking')
    """
    if SEPARATOR not in text:
        return (text,)
    labels = sorted({clean_label(part) for part in text.split(SEPARATOR)})
    if "" in labels:
        raise TransNetError(
            f"label is {text!r}, in which a label is empty; accepted: one label, or several with "
            f"a single {SEPARATOR} between them, like walking{SEPARATOR}carrying."
        )
    if NO_CLASS in labels:
        raise TransNetError(
            f"label is {text!r}; accepted: {NO_CLASS} alone, since it means none of the labels."
        )
    return tuple(labels)


def join_labels(labels: Iterable[str]) -> str:
    """Labels of one clip as one text, the inverse of :func:`split_labels`.

    Example:
        >>> join_labels(["walking", "carrying"])
        'carrying|walking'
    """
    return SEPARATOR.join(sorted(labels))


def look_alikes(labels: Iterable[str]) -> list[list[str]]:
    """Labels that differ only in case, blanks, hyphens, underscores, or Unicode form.

    Example:
        >>> look_alikes(["high jump", "run", "High_Jump"])
        [['High_Jump', 'high jump']]
    """
    spelled: dict[str, list[str]] = defaultdict(list)
    for label in sorted(labels):
        folded = unicodedata.normalize("NFKC", label).casefold()
        spelled[_SEPARATORS.sub("", folded) or label].append(label)
    return [family for family in spelled.values() if len(family) > 1]


def printable(text: str) -> str:
    """Text whose control characters are escaped, for a terminal and for XML.

    Example:
        >>> printable("walk\\x1b[31m")
        'walk\\\\x1b[31m'
    """
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], clean_text(text))
