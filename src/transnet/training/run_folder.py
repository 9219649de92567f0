"""The folder of a training: made, continued, or refused, and never somebody else's."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transnet.errors import TransNetError
from transnet.utils.progress import say


@dataclass(frozen=True)
class RunFolder:
    """What the folders of one kind of training hold.

    Attributes:
        record: the JSON file that makes a folder one of this kind.
        save: writes the record.
        load: reads it.
        results: files without which no training has got anywhere yet.
        leftovers: further files and folders that a new training replaces.
    """

    record: str
    save: Callable[[Path, Any], None]
    load: Callable[[Path], Any]
    results: tuple[str, ...]
    leftovers: tuple[str, ...]

    def prepare(self, run: Path, info: Any, *, resume: bool, overwrite: bool) -> None:
        """Make a folder ready for a training, and write its record.

        Args:
            run: the folder.
            info: the record; its ``to_dict`` has ``training`` and ``versions`` among its keys.
            resume: continue what is there, if its settings are the same.
            overwrite: replace what is there.

        Raises:
            TransNetError: it holds something else, or another training.
        """
        # A run that was stopped before its first epoch has nothing to lose.
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
            say(f"{run} holds no run yet, so there is nothing to resume: starting anew.")
        if run.is_dir() and any(run.iterdir()) and not (run / self.record).exists():
            raise TransNetError(
                f"--out is {str(run)!r}, which holds something else than a run; "
                "accepted: a new or an empty folder, or that of an earlier run."
            )
        try:
            run.mkdir(parents=True, exist_ok=True)
            for name in (*self.results, *self.leftovers):
                if (run / name).is_dir():
                    shutil.rmtree(run / name)
                else:
                    (run / name).unlink(missing_ok=True)
        except OSError as error:
            raise TransNetError(
                f"--out is {str(run)!r}, which cannot be made or written ({error})."
            ) from error
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
        if digest and digest != digest_now:  # none: random weights, or an older version's record
            raise TransNetError(
                f"{run} cannot be continued: {info.backbone.weights} holds other weights than "
                "those it was started from; accepted: the same weights, --overwrite, or a new "
                "--out."
            )


def _differing(before: Any, now: Any) -> tuple[Any, Any]:
    """Of two dictionaries only what differs."""
    if not (isinstance(before, dict) and isinstance(now, dict)):
        return before, now
    names = [name for name in now if before.get(name) != now[name]]
    return {name: before.get(name) for name in names}, {name: now[name] for name in names}
