"""``transnet download``: published datasets, from their official addresses."""

from __future__ import annotations

import hashlib
import os
import shutil
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path

from transnet.data.datasets.partial_file import PartialFile
from transnet.errors import TransNetError
from transnet.utils.paths import output_folder
from transnet.utils.progress import progress_bar, say

TIMEOUT_S = 60
_CHUNK_BYTES = 2**20


@dataclass(frozen=True)
class PublishedFile:
    """A file of a published dataset.

    Attributes:
        address: where it is published.
        sha1: its SHA-1, if known.
    """

    address: str
    sha1: str = ""

    @property
    def name(self) -> str:
        return self.address.rpartition("/")[2]


@dataclass(frozen=True)
class DownloadSource:
    """Where a dataset is published.

    Attributes:
        page: its web page.
        files: what to download; empty if the site requires an account.
    """

    page: str
    files: tuple[PublishedFile, ...] = ()


_KTH = "https://www.csc.kth.se/cvap/actions/"
_UCF = "https://www.crcv.ucf.edu/"
_SERRE = "https://serre-lab.clps.brown.edu/wp-content/uploads/2013/10/"

SOURCES = {
    "kth": DownloadSource(
        _KTH,
        (
            PublishedFile(_KTH + "00sequences.txt"),
            # SHA-1 as recorded by the vipy project.
            PublishedFile(_KTH + "walking.zip", "a3e81537271a0ab4576591774baa38c2d97b7e3a"),
            PublishedFile(_KTH + "jogging.zip", "21943bdbcef9dad106db0d74661e49eaeaa15a25"),
            PublishedFile(_KTH + "running.zip", "da83bb313edfd4455fffdda6263696fa10d43c6f"),
            PublishedFile(_KTH + "boxing.zip", "adb36ed9c29c846d44d2ba15f348bd115c951bbd"),
            PublishedFile(_KTH + "handwaving.zip", "0792f7cd69f7f895a205c08ac212ddaa7177e370"),
            PublishedFile(_KTH + "handclapping.zip", "d3b81261aa822ef63d0d1523f945bfaff27814d2"),
        ),
    ),
    "ucf101": DownloadSource(
        _UCF + "data/UCF101.php",
        (
            PublishedFile(_UCF + "data/UCF101/UCF101TrainTestSplits-RecognitionTask.zip"),
            PublishedFile(_UCF + "data/UCF101/UCF101.rar"),
        ),
    ),
    "hmdb51": DownloadSource(
        "https://serre-lab.clps.brown.edu/resource/hmdb-a-large-human-motion-database/",
        (
            PublishedFile(_SERRE + "test_train_splits.rar"),
            PublishedFile(_SERRE + "hmdb51_org.rar"),
        ),
    ),
    "supervisely": DownloadSource("https://ecosystem.supervisely.com/projects/persons"),
}


def download(name: str, *, to: str, mirror: str | None = None) -> Path:
    """Download a published dataset and unpack it.

    An interrupted download continues where it stopped. The size that the server states, the known
    hashes, the checksums in the archives and the clips of the official lists are verified.

    Args:
        name: kth, ucf101 or hmdb51; for supervisely, print manual instructions
        to: folder for the archives and their content
        mirror: address of a folder with the same files, to download from

    Returns:
        The folder.

    Raises:
        TransNetError: a file cannot be downloaded; the message contains manual instructions.
    """
    from transnet.data.datasets.archives import DamagedArchiveError, unpack_archives
    from transnet.data.datasets.catalog import open_dataset

    if name not in SOURCES:
        raise TransNetError(f"NAME is {name!r}; accepted: {', '.join(SOURCES)}.")
    source, folder = SOURCES[name], Path(to).expanduser()
    if not source.files:
        raise TransNetError(
            f"{name} requires an account: open {source.page}, download the project, unpack it into "
            f"{folder}, and use it as {name}:{folder}."
        )
    output_folder(to, "--to")
    for file in source.files:
        if not _is_here(folder / file.name):
            address = file.address if mirror is None else f"{mirror.rstrip('/')}/{file.name}"
            try:
                _fetch(address, folder / file.name, file.sha1)
            except TransNetError as error:
                raise TransNetError(
                    f"{error}\nManually: open {source.page} in a browser, save {file.name} in "
                    f"{folder}, and start again; existing files are kept. Or give the address of a "
                    "folder with the same files on another server with --mirror."
                ) from error
    try:
        unpack_archives(folder)
    except DamagedArchiveError as error:
        aside = error.archive.with_name(error.archive.name + ".damaged")
        os.replace(error.archive, aside)
        raise TransNetError(f"{error} It is now {aside.name}: start again to do so.") from error
    manifest = open_dataset(f"{name}:{folder}")
    for line in (manifest.summary(), *manifest.notes):
        say(line)
    say(f"saved to {folder}\nnext: transnet check {name}:{folder}")
    return folder


def _is_here(path: Path) -> bool:
    return path.exists() or (path.suffix in (".zip", ".rar") and path.with_suffix("").is_dir())


def _fetch(address: str, path: Path, sha1: str) -> None:
    """Download one file, continuing ``path.part`` if it is of the same file."""
    part = PartialFile(path)
    try:
        with _open(address, part) as response:
            have, total = part.accept(response)
            _check_kind(response, address)
            if total is None and not sha1 and not getattr(response, "chunked", False):
                raise TransNetError(
                    f"{address} comes without its length, so it cannot be known whether it is "
                    "complete; download it from another server."
                )
            _check_room(path, max(0, (total or 0) - have))
            with (
                open(part.path, "ab" if have else "wb") as file,
                progress_bar(path.name, total, "B", scale=True) as bar,
            ):
                bar.update(have)
                while chunk := response.read(_CHUNK_BYTES):
                    file.write(chunk)
                    bar.update(len(chunk))
        size = part.path.stat().st_size
        if total is not None and size < total:
            raise TransNetError(
                f"{address} ended after {size:,} of {total:,} bytes; start again to continue."
            )
        if total is not None and size > total:
            part.discard()
            raise TransNetError(f"{address} sent {size:,} bytes for {total:,}; start again.")
        if sha1 and _sha1(part.path) != sha1:
            part.discard()
            raise TransNetError(f"{address} is not the published file (SHA-1 mismatch).")
        part.finish()
    except (OSError, HTTPException, ValueError) as error:
        raise TransNetError(f"{address} cannot be downloaded ({error}).") from error


def _open(address: str, part: PartialFile) -> HTTPResponse:
    """The answer with the rest of a file, or with all of it where the rest does not fit."""
    if part.size:
        try:
            response = _request(address, part.headers())
            if response.status != 206 or part.is_continued_by(response):
                return response
            response.close()
        except urllib.error.HTTPError as error:
            if error.code != 416:  # nothing after the bytes that exist
                raise
            error.close()
    part.discard()
    return _request(address, {})


def _request(address: str, headers: dict[str, str]) -> HTTPResponse:
    request = urllib.request.Request(address, headers={"User-Agent": "transnet", **headers})
    response: HTTPResponse = urllib.request.urlopen(request, timeout=TIMEOUT_S)
    return response


def _check_kind(response: HTTPResponse, address: str) -> None:
    kind = response.headers.get("Content-Type", "")
    if "html" in kind and not address.endswith((".htm", ".html")):
        raise TransNetError(f"{address} returned a web page instead of the file.")


def _check_room(path: Path, needed: int) -> None:
    free = shutil.disk_usage(path.parent).free
    if needed > free:
        raise TransNetError(
            f"{path.name} needs {needed / 1e9:.1f} GB, but {path.parent} has only "
            f"{free / 1e9:.1f} GB left; free some space, or choose another --to."
        )


def _sha1(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha1").hexdigest()
