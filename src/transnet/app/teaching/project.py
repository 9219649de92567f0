"""A project: a folder of classes with their takes, described by ``project.json``.

::

    project.json                 classes, takes, version; written whole
    clips/CLASS/TAKE.mkv         the takes: a dataset of class folders, as transnet train reads it
    thumbnails/TAKE.jpg          eight squares of a take, side by side
    features/                    what the backbone made of the takes
    run/                         the recognizer, once it is trained
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
import threading
import unicodedata
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from transnet.errors import TransNetError
from transnet.utils.files import written_whole
from transnet.utils.paths import output_folder

FORMAT = 1
NOTHING = "_none"
"""Label of the class of takes in which nothing happens."""

MAX_CLASSES = 50
MAX_TAKES = 500
MAX_LABEL = 60


class ConflictError(TransNetError):
    """The project was changed elsewhere since the caller read it."""


@dataclass
class Take:
    """One recording of a class.

    Attributes:
        id: random; the file's name without its suffix.
        file: its path, relative to the project.
        seconds: its length.
        frames: how many frames it has; 0 where that is not known.
    """

    id: str
    file: str
    seconds: float
    frames: int = 0


@dataclass
class TakeClass:
    """A movement.

    Attributes:
        id: the name of its folder, which stays when it is renamed.
        label: what people call it.
        takes: its recordings.
    """

    id: str
    label: str
    takes: list[Take] = field(default_factory=list)


class Project:
    """The folder of a project; for several threads.

    Args:
        folder: made if it is not there.

    Raises:
        TransNetError: it holds something else, or a project of a newer version.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = output_folder(folder, "PROJECT").resolve()
        self.version = 0
        self.mirror = True
        self.result: dict[str, Any] | None = None
        self.classes: list[TakeClass] = []
        self._lock = threading.RLock()
        self._read()

    @property
    def run(self) -> Path:
        """The recognizer's folder."""
        return self.folder / "run"

    @property
    def has_run(self) -> bool:
        """Whether it was trained."""
        return (self.run / "model.safetensors").is_file()

    def lock(self) -> None:
        """Keep the folder for this process for as long as it lives.

        Raises:
            TransNetError: another process works with it.
        """
        self._held = open(self.folder / ".lock", "w")  # noqa: SIM115
        try:
            import fcntl

            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:  # Windows
            return
        except OSError as error:
            self._held.close()
            raise TransNetError(
                f"PROJECT is {str(self.folder)!r}, which another transnet app has open; "
                "accepted: another folder, or that app's page in another tab."
            ) from error

    def unlock(self) -> None:
        """Let other processes have it."""
        self._held.close()

    def to_dict(self) -> dict[str, Any]:
        """The project as JSON values."""
        with self._lock:
            return {
                "format": FORMAT,
                "version": self.version,
                "mirror": self.mirror,
                "result": self.result,
                "classes": [asdict(one) for one in self.classes],
            }

    def add_class(self, label: str, version: int) -> TakeClass:
        """Add a class.

        Raises:
            ConflictError: the project is of another version.
            TransNetError: the label is empty or there already.
        """
        with self._changing(version):
            if len(self.classes) >= MAX_CLASSES:
                raise TransNetError(f"there are {MAX_CLASSES} classes already, which is the most.")
            label = self._free_label(label)
            added = TakeClass(self._folder_name(label), label)
            self.classes.append(added)
        return added

    def rename_class(self, name: str, label: str, version: int) -> None:
        """Give a class another label."""
        with self._changing(version):
            one = self.find_class(name)
            one.label = self._free_label(label, but=one)

    def delete_class(self, name: str, version: int) -> None:
        """Delete a class and its takes."""
        with self._changing(version):
            one = self.find_class(name)
            self.classes.remove(one)
            shutil.rmtree(self.folder / "clips" / one.id, ignore_errors=True)
            for take in one.takes:
                self.thumbnail(take.id).unlink(missing_ok=True)

    def set_mirror(self, mirror: bool, version: int) -> None:
        """Whether mirrored takes mean the same."""
        with self._changing(version):
            self.mirror = mirror

    def new_take(self, name: str, suffix: str) -> tuple[str, Path]:
        """An id and a place for the file of a new take."""
        with self._lock:
            one = self.find_class(name)
            if sum(len(other.takes) for other in self.classes) >= MAX_TAKES:
                raise TransNetError(f"there are {MAX_TAKES} takes already, which is the most.")
            folder = self.folder / "clips" / one.id
            folder.mkdir(parents=True, exist_ok=True)
            take = secrets.token_hex(6)
            return take, folder / f"{take}{suffix}"

    def add_take(self, name: str, take: str, path: Path, seconds: float, frames: int) -> Take:
        """Add a take whose file is there; needs no version, for nothing is lost by it."""
        with self._changing(None):
            added = Take(take, path.relative_to(self.folder).as_posix(), seconds, frames)
            self.find_class(name).takes.append(added)
        return added

    def move_take(self, name: str, to: str, version: int) -> None:
        """Move a take into another class."""
        with self._changing(version):
            one, take = self.find_take(name)
            other = self.find_class(to)
            target = self.folder / "clips" / other.id / Path(take.file).name
            target.parent.mkdir(parents=True, exist_ok=True)
            (self.folder / take.file).rename(target)
            one.takes.remove(take)
            take.file = target.relative_to(self.folder).as_posix()
            other.takes.append(take)

    def delete_take(self, name: str, version: int) -> None:
        """Delete a take."""
        with self._changing(version):
            one, take = self.find_take(name)
            one.takes.remove(take)
            (self.folder / take.file).unlink(missing_ok=True)
            self.thumbnail(take.id).unlink(missing_ok=True)

    def set_result(self, result: dict[str, Any] | None) -> None:
        """Keep what a training found."""
        with self._changing(None):
            self.result = result

    def find_class(self, name: str) -> TakeClass:
        """A class by its id."""
        for one in self.classes:
            if one.id == name:
                return one
        raise TransNetError("there is no such class any more; reload the page.")

    def find_take(self, name: str) -> tuple[TakeClass, Take]:
        """A take by its id, with its class."""
        for one in self.classes:
            for take in one.takes:
                if take.id == name:
                    return one, take
        raise TransNetError("there is no such take any more; reload the page.")

    def thumbnail(self, take: str) -> Path:
        """Where the thumbnail of a take lies."""
        return self.folder / "thumbnails" / f"{take}.jpg"

    def takes(self) -> list[dict[str, str]]:
        """Every take: its id, its label, its file."""
        with self._lock:
            return [
                {"id": take.id, "label": one.label, "path": str(self.folder / take.file)}
                for one in self.classes
                for take in one.takes
            ]

    def _changing(self, version: int | None) -> _Change:
        return _Change(self, version)

    def _free_label(self, label: str, but: TakeClass | None = None) -> str:
        cleaned = " ".join(unicodedata.normalize("NFC", label).split())
        if not cleaned or len(cleaned) > MAX_LABEL or not cleaned.isprintable():
            raise TransNetError(f"the name is {label!r}; accepted: 1 to {MAX_LABEL} characters.")
        if any(one.label.casefold() == cleaned.casefold() for one in self.classes if one != but):
            raise TransNetError(f"there is a class {cleaned!r} already; choose another name.")
        return cleaned

    def _folder_name(self, label: str) -> str:
        if label == NOTHING:
            return NOTHING
        plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode().lower()
        stem = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40] or "class"
        taken = {one.id for one in self.classes}
        numbers = (f"{stem}-{number}" for number in range(2, MAX_CLASSES + 3))
        return next(name for name in (stem, *numbers) if name not in taken)

    def _read(self) -> None:
        path = self.folder / "project.json"
        if not path.exists():
            if any(entry.name != ".lock" for entry in self.folder.iterdir()):
                raise TransNetError(
                    f"PROJECT is {str(self.folder)!r}, which holds something else; accepted: a new "
                    "or an empty folder, or that of an earlier project."
                )
            self._write()
            return
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            if values["format"] > FORMAT:
                raise TransNetError(f"{path} was made by a newer version; upgrade transnet-har.")
            self.version, self.mirror = int(values["version"]), bool(values["mirror"])
            self.result = values["result"]
            self.classes = [
                TakeClass(one["id"], one["label"], [Take(**take) for take in one["takes"]])
                for one in values["classes"]
            ]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TransNetError(f"{path} cannot be understood ({error!r}).") from error
        for one in self.classes:  # a file that was removed by hand is no take any more
            one.takes = [take for take in one.takes if (self.folder / take.file).is_file()]

    def _write(self) -> None:
        with written_whole(self.folder / "project.json") as path:
            path.write_text(json.dumps(self.to_dict(), indent=1), encoding="utf-8")


class _Change:
    """A change of a project: of the version that the caller knows, written whole, one at a time."""

    def __init__(self, project: Project, version: int | None) -> None:
        self._project, self._version = project, version

    def __enter__(self) -> Self:
        project = self._project
        project._lock.acquire()
        if self._version not in (None, project.version):
            project._lock.release()
            raise ConflictError("the project was changed in another tab; it was loaded anew.")
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._project.version += 1
                self._project._write()
        finally:
            self._project._lock.release()
