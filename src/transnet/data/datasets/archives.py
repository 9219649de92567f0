"""Archives as they were downloaded: unpacked beside themselves, whole or not at all.

An archive is looked through before anything is written. One with a member that would land outside
of its folder, with a link, or that is far larger inside than outside, is refused as a whole.
"""

from __future__ import annotations

import glob
import lzma
import os
import shutil
import stat
import subprocess
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import rarfile

from transnet.data.video.reader import VIDEO_SUFFIXES
from transnet.errors import TransNetError
from transnet.utils.progress import progress_bar, say

ARCHIVE_SUFFIXES = frozenset({".zip", ".rar"})
WANTED_SUFFIXES = VIDEO_SUFFIXES | ARCHIVE_SUFFIXES | {".txt", ".csv"}

# Videos hardly shrink and lists shrink tenfold: what grows more than this is no dataset.
MAX_GROWTH = 20
SMALL_BYTES = 100 * 2**20
MAX_MEMBERS = 200_000
MAX_DEPTH = 2
_PIECE = 2**20
_DAMAGE = (
    zipfile.BadZipFile, rarfile.Error, zlib.error, lzma.LZMAError, EOFError, NotImplementedError,
    RuntimeError,
)  # fmt: skip

_UNPACKERS = {
    "unrar": ("unrar", "x", "-idq", "-y", "-p-"),
    "bsdtar": ("bsdtar", "-x", "-f"),
    "unar": ("unar", "-quiet", "-no-directory", "-force-overwrite"),
}


def unpack_archives(root: Path) -> None:
    """Unpack every archive in a folder that has not been unpacked yet, and those in them.

    ``root/x.zip`` goes to ``root/x/``. One whose files all lie somewhere below ``root`` already
    counts as unpacked.

    Raises:
        TransNetError: an archive is damaged or hostile, the disk is full or cannot be written,
            or a program to unpack ``.rar`` is needed and not installed.
    """
    # What an interrupted unpacking left is hidden, as it is for whoever looks for videos.
    visible = [
        path for path in sorted(root.rglob("*"))
        if not any(part.startswith(".") for part in path.relative_to(root).parts)
    ]  # fmt: skip
    archives = [path for path in visible if _is_archive(path)]
    here = {path.name for path in visible}
    for archive in archives:
        _unpack_beside(archive, here, depth=0)


def _is_archive(path: Path) -> bool:
    return path.suffix.lower() in ARCHIVE_SUFFIXES and path.is_file()


def _unpack_beside(archive: Path, here: set[str], depth: int) -> bool:
    """Whether it was unpacked; not if its folder, or all that is in it, is here already."""
    target = archive.with_suffix("")
    if target.is_dir():
        return False
    with _opened(archive) as opened:
        members = _wanted_members(archive, opened, floor=0 if depth else SMALL_BYTES)
        names = {PurePosixPath(member.filename).name for member in members}
        # A folder "wave" is what is in "wave.rar".
        if names and all(name in here or Path(name).stem in here for name in names):
            return False
        say(f"unpacking {archive}")
        with _made_whole(target, archive) as beside:
            if _is_compressed_rar(opened, members):
                _run_unpacker(archive, beside, members)
            else:
                _copy_members(archive, opened, members, beside)
            if depth < MAX_DEPTH:
                for inner in sorted(filter(_is_archive, beside.rglob("*"))):
                    if _unpack_beside(inner, set(), depth + 1):
                        inner.unlink()
    return True


@contextmanager
def _opened(archive: Path) -> Iterator[Any]:
    # zipfile and rarfile have one interface.
    kind = zipfile.ZipFile if archive.suffix.lower() == ".zip" else rarfile.RarFile
    try:
        with kind(archive) as opened:
            yield opened
    except _DAMAGE as error:
        raise TransNetError(
            f"{archive} is damaged or incomplete ({error}); download it again."
        ) from error
    except OSError as error:
        raise TransNetError(f"{archive} cannot be unpacked ({error}).") from error


def _wanted_members(archive: Path, opened: Any, floor: int) -> list[Any]:
    """The members that a dataset is made of; refuses the archive if any member is hostile."""
    members = opened.infolist()
    for member in members:
        reason = _danger(member)
        if reason:
            raise TransNetError(
                f"{archive} is refused and nothing of it was unpacked: its member "
                f"{member.filename!r} {reason}. A published dataset has no such thing; "
                "download it again, from its official address."
            )
    size = sum(member.file_size for member in members)
    allowed = max(floor, MAX_GROWTH * archive.stat().st_size)
    if size > allowed or len(members) > MAX_MEMBERS:
        raise TransNetError(
            f"{archive} is refused and nothing of it was unpacked: it would grow to "
            f"{size / 1e6:,.0f} MB in {len(members)} files; accepted for an archive of its size: "
            f"{allowed / 1e6:,.0f} MB in {MAX_MEMBERS} files."
        )
    return [
        member
        for member in members
        if not member.is_dir()
        and PurePosixPath(member.filename).suffix.lower() in WANTED_SUFFIXES
        and not _is_rubbish(member.filename)
    ]


def _danger(member: Any) -> str:
    name = member.filename
    windows = PureWindowsPath(name)
    if name.startswith(("/", "\\")) or windows.drive or windows.root:
        return "has an absolute path"
    if ".." in windows.parts or "\0" in name:
        return "leads out of its folder"
    mode = (getattr(member, "external_attr", 0) >> 16) or (getattr(member, "mode", 0) or 0)
    is_link = getattr(member, "is_symlink", lambda: False)() or stat.S_ISLNK(mode)
    if is_link or getattr(member, "file_redir", None):
        return "is a link"
    if member.file_size is None:
        return "does not say how large it is"
    return ""


def _is_rubbish(name: str) -> bool:
    """What file managers put into archives."""
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
                while piece := source.read(_PIECE):
                    left -= len(piece)
                    if left < 0:
                        raise zipfile.BadZipFile(f"{member.filename} is larger than it says")
                    copy.write(piece)
            bar.update(1)


def _run_unpacker(archive: Path, folder: Path, members: Sequence[Any]) -> None:
    """Unpack compressed RAR members: only other programs can, and best all of them at once."""
    _check_room(archive, members, folder)
    name = next((name for name in _UNPACKERS if shutil.which(name)), None)
    if name is None:
        raise TransNetError(
            f"{archive} needs a program that unpacks .rar, and none of {', '.join(_UNPACKERS)} is "
            "installed. Install one (Debian, Ubuntu: sudo apt install libarchive-tools; macOS: "
            "brew install unar), or unpack the archive by hand into the same folder."
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
            f"{archive} needs {needed / 1e9:.1f} GB when it is unpacked, and {folder.parent} has "
            f"{free / 1e9:.1f} GB left."
        )


@contextmanager
def _made_whole(target: Path, archive: Path) -> Iterator[Path]:
    """A folder to fill, which takes its name only once it is complete."""
    for leftover in target.parent.glob(f".{glob.escape(target.name)}.unpacking-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        beside = Path(tempfile.mkdtemp(prefix=f".{target.name}.unpacking-", dir=target.parent))
    except OSError as error:
        raise TransNetError(
            f"{archive} cannot be unpacked beside itself ({error}); unpack it by hand, or copy it "
            "to a folder that can be written."
        ) from error
    try:
        yield beside
        beside.chmod(0o755)
        beside.rename(target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
