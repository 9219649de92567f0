"""The output folder of a training: created, resumed, or refused if it holds anything else."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transnet.errors import TransNetError
from transnet.utils.file_lock import NAME as LOCK_NAME
from transnet.utils.paths import output_folder
from transnet.utils.progress import say


@dataclass(frozen=True)
class RunFolder:
    """The layout of the output folder of one kind of training.

    Attributes:
        record: name of the JSON file that identifies such a folder.
        save: writes the record.
        load: reads the record.
        results: files of which a training that has finished an epoch has at least one.
        leftovers: other files and folders that a new training replaces.
    """

    record: str
    save: Callable[[Path, Any], None]
    load: Callable[[Path], Any]
    results: tuple[str, ...]
    leftovers: tuple[str, ...]

    def prepare(self, run: Path, info: Any, *, resume: bool, overwrite: bool) -> None:
        """Prepare a folder for a training, and write its record.

        Args:
            run: the folder.
            info: the record; its ``to_dict`` has ``training`` and ``versions`` among its keys.
            resume: continue the training that it holds, if the settings are equal.
            overwrite: replace the training that it holds.

        Raises:
            TransNetError: it holds something else, or a training with other settings.
        """
        try:
            str(run.absolute()).encode()
        except UnicodeEncodeError as error:
            raise TransNetError(
                f"--out is {str(run)!r}, whose name is not UTF-8, which safetensors does not "
                "read; accepted: a folder with another name."
            ) from error
        # A run interrupted in its first epoch has nothing to lose.
        started = any((run / name).exists() for name in self.results)
        if started and resume:
            self._check_same_settings(run, info)
            return
        if started and not overwrite:
            raise TransNetError(
                f"--out is {str(run)!r}, which holds a run already; accepted: a new folder, "
                "--resume to continue that run, or --overwrite to replace it."
            )
        if resume and not started:
            say(f"{run} holds no run yet, so there is nothing to resume: starting a new run.")
        own = {LOCK_NAME}
        others = run.is_dir() and any(path.name not in own for path in run.iterdir())
        if others and not (run / self.record).exists():
            raise TransNetError(
                f"--out is {str(run)!r}, which holds files other than those of a run; "
                "accepted: a new or empty folder, or that of an earlier run."
            )
        output_folder(run)
        for name in (*self.results, *self.leftovers):
            _remove(run / name)
        self.save(run, info)

    def _check_same_settings(self, run: Path, info: Any) -> None:
        before, now = self.load(run).to_dict(), info.to_dict()
        for settings in (before, now):
            del settings["versions"], settings["training"]["workers"]  # may change
            # Facts about the weights, which the digest identifies; older versions recorded others.
            del settings["pretraining"], settings["license"]
        digest, digest_now = (settings.pop("weights_digest") for settings in (before, now))
        for name, value in now.items():
            if before[name] != value:
                was, now_is = _differing(before[name], value)
                raise TransNetError(
                    f"{run} cannot be continued: {name} was {was!r} when it was started and is now "
                    f"{now_is!r}; accepted: the same settings, --overwrite, or a new --out."
                )
        if digest and digest != digest_now:  # empty: random, or of an older version
            raise TransNetError(
                f"{run} cannot be continued: {info.backbone.weights} holds other weights than "
                "those it was started from; accepted: the same weights, --overwrite, or a new "
                "--out."
            )


def _remove(path: Path) -> None:
    try:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise TransNetError(
            f"--out is {str(path.parent)!r}, which cannot be written ({error})."
        ) from error


def _differing(before: Any, now: Any) -> tuple[Any, Any]:
    """Two values; of two dictionaries, only the entries that differ."""
    if not (isinstance(before, dict) and isinstance(now, dict)):
        return before, now
    names = [name for name in now if before.get(name) != now[name]]
    return {name: before.get(name) for name in names}, {name: now[name] for name in names}
