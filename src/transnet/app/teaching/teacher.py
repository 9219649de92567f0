"""The server's side of the training process: starts it, tells it, hears from it, replaces it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transnet.app.teaching.project import Project

MODULE = "transnet.app.teaching.worker"
_STOP_S = 5.0
_LINE_BYTES = 2**20
_MAX_CRASHES = 3


@dataclass
class TeacherState:
    """What the training process does, as the page shows it.

    Attributes:
        stage: ``starting``, ``waiting`` (starting, with a training asked for), ``ready``,
            ``features``, ``training``, ``testing``, ``exporting`` or ``failed``.
        share: of the stage that is done, 0..1.
        error: what went wrong last; empty when nothing did.
        seconds: how long the last training took.
    """

    stage: str = "starting"
    share: float = 0.0
    error: str = ""
    seconds: float = 0.0


class Teacher:
    """Keeps one training process for a project.

    Args:
        project: the project.
        backbone: as ``transnet train --backbone``.
        weights: as ``transnet train --weights``.
        hear: is called with each event of the process, in the event loop.
    """

    def __init__(
        self,
        project: Project,
        backbone: str | None,
        weights: str,
        hear: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        self._project, self._hear = project, hear
        self._arguments = [str(project.folder), backbone or "", weights]
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._crashes = 0
        self._unfinished: list[dict[str, Any]] = []  # the commands that it has not carried out
        self.state = TeacherState()

    def start(self) -> None:
        """Start the process, and again whenever it ends; call it in an event loop, once or more."""
        if self._task is None and not self._stopping:
            self._task = asyncio.get_running_loop().create_task(self._keep_running())

    async def stop(self) -> None:
        """Let it finish what it does, for a few seconds."""
        self._stopping = True
        if self._process and self._process.stdin:
            self._process.stdin.close()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), _STOP_S)
            with suppress(ProcessLookupError):
                self._process.kill()
        if self._task:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._task, _STOP_S)

    async def compute_features(self, takes: list[dict[str, str]] | None = None) -> None:
        """Compute the features of new takes, or of all, ahead of the training."""
        takes = self._project.takes() if takes is None else takes
        if takes:
            await self._tell({"do": "features", "takes": takes, "mirror": self._project.mirror})

    async def train(self) -> None:
        """Train on all takes."""
        self._set("waiting" if self.state.stage in ("starting", "waiting") else "training", 0.0)
        takes = self._project.takes()
        await self._tell({"do": "train", "takes": takes, "mirror": self._project.mirror})

    async def export(self, form: str, path: Path) -> None:
        """Write the run in a form to take away."""
        self._set("exporting", 0.0)
        await self._tell({"do": "export", "form": form, "path": str(path)})

    async def _tell(self, command: dict[str, Any]) -> None:
        self._unfinished.append(command)
        if self._process:  # else it is told once it is there
            await self._send(self._process, command)

    async def _send(self, process: asyncio.subprocess.Process, command: dict[str, Any]) -> None:
        if process.stdin and process.returncode is None:
            process.stdin.write(json.dumps(command).encode() + b"\n")
            with suppress(ConnectionError):
                await process.stdin.drain()

    async def _keep_running(self) -> None:
        while not self._stopping and self._crashes < _MAX_CRASHES:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                MODULE,
                *self._arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                limit=_LINE_BYTES,
                env={**os.environ, "TQDM_DISABLE": "1"},
                start_new_session=True,  # Ctrl-C is for the server, which lets it finish
            )
            for command in list(self._unfinished):
                await self._send(self._process, command)
            fatal = await self._listen(self._process)
            await self._process.wait()
            if fatal or self._stopping:
                return
            self._crashes += 1
            self._process = None
            self._unfinished.clear()
            self._set("starting", 0.0, "the training process ended unexpectedly; it starts again.")
            await self._hear({"kind": "state"})

    async def _listen(self, process: asyncio.subprocess.Process) -> bool:
        """Pass on events until the process ends; whether starting it again would help nothing."""
        assert process.stdout
        while line := await process.stdout.readline():
            event = json.loads(line)
            self._note(event)
            await self._hear(event)
            if event["kind"] == "ready":
                await self.compute_features()
            if event.get("fatal"):
                return True
        return False

    def _note(self, event: dict[str, Any]) -> None:
        kind = event["kind"]
        if kind == "progress":
            share = event.get("share")
            share = event["done"] / event["total"] if share is None else share
            self._set(event["stage"], share, self.state.error)
        elif kind == "failed":
            self._set("failed", 0.0, event["error"])
        elif kind == "trained":
            self._crashes = 0
            self.state.seconds = event["seconds"]
            self._set("testing", 0.0)
        elif kind in ("ready", "idle"):
            if kind == "idle" and self._unfinished:
                self._unfinished.pop(0)
            self._note_next()

    def _note_next(self) -> None:
        """What the user asked for stays in sight while something else is done before it."""
        asked = {command["do"] for command in self._unfinished}
        if "train" in asked:
            self._set("training", 0.0)
        elif "export" in asked:
            self._set("exporting", 0.0)
        elif self.state.stage != "failed":
            self._set("ready", 0.0)

    def _set(self, stage: str, share: float, error: str = "") -> None:
        self.state.stage, self.state.share, self.state.error = stage, share, error
