"""Downloaded archives: unpacked next to themselves, completely or not at all.

All members are checked before anything is written. An archive with a link, with a member that
would be written outside of its folder, or that expands far beyond its size is refused as a whole.
"""

from __future__ import annotations

import lzma
import os
import shutil
import stat
import subprocess
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import rarfile

from transnet.data.video.reader import VIDEO_SUFFIXES
from transnet.errors import TransNetError
from transnet.utils.files import whole_folder
from transnet.utils.progress import progress_bar, say

ARCHIVE_SUFFIXES = frozenset({".zip", ".rar"})
WANTED_SUFFIXES = VIDEO_SUFFIXES | ARCHIVE_SUFFIXES | {".txt", ".csv"}

# Videos hardly compress and lists compress tenfold: no dataset expands more than this.
MAX_GROWTH = 20
SMALL_BYTES = 100 * 2**20
MAX_MEMBERS = 200_000
MAX_DEPTH = 2
_CHUNK_BYTES = 2**20
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, lzma.LZMAError)
_DAMAGE = (*_ZIP_ERRORS, rarfile.Error, EOFError, NotImplementedError, RuntimeError)

_UNPACKERS = {
    "unrar": ("unrar", "x", "-idq", "-y", "-p-"),
    "bsdtar": ("bsdtar", "-x", "-f"),
    "unar": ("unar", "-quiet", "-no-directory", "-force-overwrite"),
}


class DamagedArchiveError(TransNetError):
    """An archive that is not what was published.

    Args:
        archive: the file.
        reason: what is wrong with it.
    """

    def __init__(self, archive: Path, reason: str) -> None:
        super().__init__(f"{archive} is damaged or incomplete ({reason}); download it again.")
        self.archive = archive


def unpack_archives(root: Path) -> None:
    """Unpack the archives in a folder that are not unpacked yet, and the archives in them.

    ``root/x.zip`` is unpacked to ``root/x/``. An archive whose files all exist somewhere below
    ``root`` counts as unpacked.

    Raises:
        TransNetError: an archive is damaged or unsafe, the disk is full or cannot be written, or a
            program to unpack ``.rar`` is needed and not installed.
    """
    # Leftovers of an interrupted unpacking are hidden files.
    visible = [path for path in sorted(root.rglob("*")) if not _is_hidden(path.relative_to(root))]
    archives = [path for path in visible if _is_archive(path)]
    here = {path.name for path in visible}
    for archive in archives:
        try:
            _unpack(archive, here, depth=0)
        except DamagedArchiveError as error:  # of this archive or of one in it
            error.archive = archive
            raise


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _is_archive(path: Path) -> bool:
    return path.suffix.lower() in ARCHIVE_SUFFIXES and path.is_file()


def _unpack(archive: Path, here: set[str], depth: int) -> bool:
    """Unpack an archive unless its folder or all of its files exist; whether it was unpacked."""
    target = archive.with_suffix("")
    if target.is_dir():
        return False
    with _opened(archive) as opened:
        if not opened.infolist():
            raise DamagedArchiveError(archive, "it has no files")
        members = _wanted_members(archive, opened, floor=0 if depth else SMALL_BYTES)
        names = {PurePosixPath(member.filename).name for member in members}
        # A folder "wave" holds the content of "wave.rar".
        if names and all(name in here or Path(name).stem in here for name in names):
            return False
        say(f"unpacking {archive}")
        with _target_folder(target, archive) as folder:
            if _is_compressed_rar(opened, members):
                _run_unpacker(archive, folder, members)
            else:
                _copy_members(archive, opened, members, folder)
            if depth < MAX_DEPTH:
                for inner in sorted(filter(_is_archive, folder.rglob("*"))):
                    if _unpack(inner, set(), depth + 1):
                        inner.unlink()
    return True


@contextmanager
def _opened(archive: Path) -> Iterator[Any]:
    # zipfile and rarfile have the same interface.
    kind = zipfile.ZipFile if archive.suffix.lower() == ".zip" else rarfile.RarFile
    try:
        with kind(archive) as opened:
            yield opened
    except _DAMAGE as error:
        raise DamagedArchiveError(archive, str(error)) from error
    except OSError as error:
        raise TransNetError(f"{archive} cannot be unpacked ({error}).") from error


def _wanted_members(archive: Path, opened: Any, floor: int) -> list[Any]:
    """The members that belong to a dataset; refuses the archive if any member is unsafe."""
    members = opened.infolist()
    for member in members:
        reason = _danger(member)
        if reason:
            raise TransNetError(
                f"{archive} is refused and nothing of it was unpacked: its member "
                f"{member.filename!r} {reason}. Published datasets contain no such member; "
                "download the archive again, from its official address."
            )
    size = sum(member.file_size for member in members)
    allowed = max(floor, MAX_GROWTH * archive.stat().st_size)
    if size > allowed or len(members) > MAX_MEMBERS:
        raise TransNetError(
            f"{archive} is refused and nothing of it was unpacked: it would expand to "
            f"{size / 1e6:,.0f} MB in {len(members)} files; accepted for an archive of its size: "
            f"{allowed / 1e6:,.0f} MB in {MAX_MEMBERS} files."
        )
    return [
        member
        for member in members
        if not member.is_dir()
        and PurePosixPath(member.filename).suffix.lower() in WANTED_SUFFIXES
        and not _is_metadata(member.filename)
    ]


def _danger(member: Any) -> str:
    name = member.filename
    windows = PureWindowsPath(name)
    if name.startswith(("/", "\\")) or windows.drive or windows.root:
        return "has an absolute path"
    if ".." in windows.parts or "\0" in name:
        return "has a path outside of its folder"
    mode = (getattr(member, "external_attr", 0) >> 16) or (getattr(member, "mode", 0) or 0)
    is_link = getattr(member, "is_symlink", lambda: False)() or stat.S_ISLNK(mode)
    if is_link or getattr(member, "file_redir", None):
        return "is a link"
    if member.file_size is None:
        return "has no stated size"
    return ""


def _is_metadata(name: str) -> bool:
    """Whether a member was added by a file manager."""
    return "__MACOSX" in PurePosixPath(name).parts or PurePosixPath(name).name.startswith(".")


def _is_compressed_rar(opened: Any, members: Sequence[Any]) -> bool:
    if not isinstance(opened, rarfile.RarFile):
        return False
    return opened.is_solid() or any(m.compress_type != rarfile.RAR_M0 for m in members)


def _copy_members(archive: Path, opened: Any, members: Sequence[Any], folder: Path) -> None:
    _check_room(archive, members, folder)
    with progress_bar(archive.name, len(members), "files") as bar:
        for member in members:
            path = folder.joinpath(*PurePosixPath(member.filename).parts)
            path.parent.mkdir(parents=True, exist_ok=True)
            with opened.open(member) as source, open(path, "xb") as copy:
                left = member.file_size
                while chunk := source.read(_CHUNK_BYTES):
                    left -= len(chunk)
                    if left < 0:
                        raise zipfile.BadZipFile(f"{member.filename} exceeds its stated size")
                    copy.write(chunk)
            bar.update(1)


def _run_unpacker(archive: Path, folder: Path, members: Sequence[Any]) -> None:
    """Unpack compressed RAR members by an installed program, all in one call."""
    _check_room(archive, members, folder)
    name = next((name for name in _UNPACKERS if shutil.which(name)), None)
    if name is None:
        raise TransNetError(
            f"{archive} needs a program that unpacks .rar, and none of {', '.join(_UNPACKERS)} is "
            "installed. Install one (Debian, Ubuntu: sudo apt install libarchive-tools; macOS: "
            "brew install unar), or unpack the archive manually into the same folder."
        )
    source = os.path.abspath(archive)
    places = {
        "unrar": [source, f"{folder}{os.sep}"],
        "bsdtar": [source, "-C", str(folder)],
        "unar": ["-output-directory", str(folder), source],
    }
    done = subprocess.run(
        [*_UNPACKERS[name], *places[name]], capture_output=True, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        reason = (done.stderr or done.stdout).decode(errors="replace").strip()[-300:]
        raise TransNetError(f"{archive} cannot be unpacked by {name}: {reason}")
    for path in folder.rglob("*"):
        if path.is_symlink() or (path.is_file() and path.suffix.lower() not in WANTED_SUFFIXES):
            path.unlink()


def _check_room(archive: Path, members: Sequence[Any], folder: Path) -> None:
    needed, free = sum(member.file_size for member in members), shutil.disk_usage(folder).free
    if needed > free:
        raise TransNetError(
            f"{archive} needs {needed / 1e9:.1f} GB to be unpacked, but {folder.parent} has only "
            f"{free / 1e9:.1f} GB left; free some space, or copy the archive to a larger disk."
        )


@contextmanager
def _target_folder(target: Path, archive: Path) -> Iterator[Path]:
    """A folder to unpack into, which takes its name only once it is complete."""
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(whole_folder(target))
        except TransNetError as error:
            raise TransNetError(
                f"{archive} cannot be unpacked next to itself ({error.__cause__}); unpack it "
                "manually, or copy it to a writable folder."
            ) from error
        yield folder
