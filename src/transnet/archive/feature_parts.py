"""Features of clips as Parquet rows, and their way into a feature cache."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from transnet.archive.parts import Parts, Row, import_pyarrow, printable
from transnet.errors import TransNetError
from transnet.utils.progress import progress_bar, say

if TYPE_CHECKING:
    from transnet.data.cache.features import FeatureCache
    from transnet.data.manifest import ClipRecord


def feature_schema() -> Any:
    """The columns of a row, as a ``pyarrow.Schema``.

    ``clip``, the name of the clip: path, start and end; ``path``, ``label``, ``group``, ``start``
    and ``end`` as in the dataset; ``size`` and ``mtime_ns`` of the file and ``video``, a digest of
    its bytes; ``view``, the number of the view, 0 in evaluation; ``key``, the key of the entry in
    a feature cache (with motion a view has two: its frames and their pairs); ``features``,
    ``(n, ...)`` in NumPy's ``.npy`` format; ``error``, why there are none.
    """
    pa = import_pyarrow()
    texts = dict.fromkeys(("clip", "path", "label", "group"), pa.string())
    numbers = dict.fromkeys(("start", "end", "size", "mtime_ns", "view"), pa.int64())
    found = {"video": pa.string(), "key": pa.string(), "features": pa.binary()}
    return pa.schema({**texts, **numbers, **found, "error": pa.string()})


def import_features(address: str, cache: FeatureCache) -> int:
    """Copy features into a feature cache, where training finds them.

    A video that lies at the same path, with the same size and date, is not read again either.

    Args:
        address: the ``--out`` of ``transnet features``.
        cache: where to.

    Returns:
        The entries that the cache lacked.

    Raises:
        TransNetError: there are no parts, one is damaged, or the cache cannot be written.
    """
    parts = Parts(address, "clip")
    names, copied = parts.names(), 0
    if not names:
        raise TransNetError(
            f"--features-from is {address!r}, which has no parts; accepted: the --out of transnet "
            "features."
        )
    with progress_bar("importing features", len(names), "parts") as bar:
        for name in names:
            missing = {}
            for row in parts.read(name).to_pylist():
                if row["error"] is None and row["key"] not in cache:
                    missing[row["key"]] = row["features"]
                if row["view"] == 0:
                    cache.remember_digest(row["path"], row["video"], row["size"], row["mtime_ns"])
            cache.write(missing)
            copied += len(missing)
            bar.update(1)
    say(f"{copied} features imported from {address} to {cache.folder}")
    return copied


def clip_name(record: ClipRecord) -> str:
    """The name of a clip: its path and, if it is a part of a video, its frame range."""
    limits = "" if record.start is None and record.end is None else f":{record.start}:{record.end}"
    return printable(os.path.abspath(record.path)) + limits


def clip_row(record: ClipRecord) -> Row:
    """What a row says of a clip, without features."""
    row: Row = dict.fromkeys(feature_schema().names)
    row.update(
        clip=clip_name(record),
        path=printable(os.path.abspath(record.path)),
        label=printable(record.label),
        group=printable(record.group),
        start=record.start,
        end=record.end,
    )
    with suppress(OSError, ValueError):
        status = os.stat(record.path)
        row.update(size=status.st_size, mtime_ns=status.st_mtime_ns)
    return row
