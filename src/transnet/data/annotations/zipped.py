"""The annotation file in a zip file, as CVAT exports it."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from transnet.errors import TransNetError

SUFFIXES = (".xml", ".json", ".eaf")
MAX_BYTES = 2**30
"""Largest annotation file in a zip file; a small zip file can claim any size."""


@contextmanager
def unzipped(path: Path) -> Iterator[Path]:
    """The only annotation file in a zip file, as a file that is there while the context lasts.

    Raises:
        TransNetError: there is none or more than one, it is too large, or the zip file is damaged.
    """
    with tempfile.TemporaryDirectory(prefix="transnet-") as folder:
        try:
            with zipfile.ZipFile(path) as archive:
                member = _member(path, archive)
                target = Path(folder) / PurePosixPath(member.filename).name
                with archive.open(member) as source, target.open("wb") as file:
                    shutil.copyfileobj(source, file)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError,
                RuntimeError) as error:  # fmt: skip
            raise TransNetError(f"{path} cannot be unpacked ({error}); export it again.") from error
        try:
            yield target
        except TransNetError as error:
            shown = f"{path} ({target.name})"
            raise TransNetError(str(error).replace(str(target), shown)) from error


def _member(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    found = [
        one for one in archive.infolist() if PurePosixPath(one.filename).suffix.lower() in SUFFIXES
    ]
    if len(found) != 1:
        raise TransNetError(
            f"{path} is a zip file of no known form: it holds {len(found)} files like "
            f"{', '.join(SUFFIXES)}; accepted: one, as CVAT exports it. Unpack it and name one."
        )
    if found[0].file_size > MAX_BYTES:
        raise TransNetError(
            f"{found[0].filename} in {path} has {found[0].file_size / 2**30:.1f} GiB; accepted: up "
            f"to {MAX_BYTES // 2**30} GiB."
        )
    return found[0]
