"""A project behind the web page: its parts, and what every open tab is told."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool

from transnet.app.serving.service import Service
from transnet.app.teaching.project import Project, Take
from transnet.app.teaching.takes import SUFFIX, Frame, write_take, write_thumbnail
from transnet.app.teaching.teacher import Teacher
from transnet.config import ClipConfig
from transnet.errors import TransNetError

UNSEEN_S = 10.0
"""Seconds after which torch is imported even if no tab was opened."""

PAINT_S = 0.3
"""Seconds that a new tab gets to paint, before the import of torch takes processor time."""


@dataclass
class Invitation:
    """How a phone in the same network gets to the page; empty without ``--lan``."""

    address: str = ""
    qr: str = ""


class Studio:
    """A project, its training process, and its open tabs.

    Args:
        project: the project.
        service: serves its recognizer.
        backbone: as ``transnet train --backbone``.
        weights: as ``transnet train --weights``.
    """

    def __init__(
        self, project: Project, service: Service, backbone: str | None, weights: str
    ) -> None:
        self.project, self.service = project, service
        self.teacher = Teacher(project, backbone, weights, self._hear)
        self.exports: dict[str, Path] = {}
        self.invitation = Invitation()
        self._tabs: set[asyncio.Queue[dict[str, Any]]] = set()

    def start(self) -> None:
        """Once a tab has painted, start the training process and load the recognizer."""
        run = self.project.run if self.project.has_run else None
        self.service.engine.start(run, at_latest_s=UNSEEN_S)
        asyncio.get_running_loop().call_later(UNSEEN_S, self.teacher.start)

    def open_tab(self) -> asyncio.Queue[dict[str, Any]]:
        """A queue of what a tab is told; its first entry is everything."""
        tab: asyncio.Queue[dict[str, Any]] = asyncio.Queue(1000)
        tab.put_nowait(self.state())
        self._tabs.add(tab)
        asyncio.get_running_loop().call_later(PAINT_S, self._painted)
        return tab

    def _painted(self) -> None:
        self.service.engine.need()
        self.teacher.start()

    def close_tab(self, tab: asyncio.Queue[dict[str, Any]]) -> None:
        """Tell it no more."""
        self._tabs.discard(tab)

    def state(self) -> dict[str, Any]:
        """The project and what the training process does, as JSON values."""
        return {
            "kind": "state",
            "project": self.project.to_dict(),
            "name": self.project.folder.name,
            "teacher": asdict(self.teacher.state),
            "has_run": self.project.has_run,
            "ready": self.service.engine.recognizer is not None,
            "exports": sorted(self.exports),
            "notify": self.service.notifier.address or "",
            "invitation": asdict(self.invitation),
        }

    def tell(self, event: dict[str, Any] | None = None) -> None:
        """Tell every tab of an event, or of the whole state."""
        told = event or self.state()
        for tab in self._tabs:
            if not tab.full():
                tab.put_nowait(told)

    async def add_recording(self, name: str, frames: list[Frame]) -> Take:
        """Keep recorded frames as a take.

        Raises:
            TransNetError: there are too few, or there is no such class any more.
        """
        take, path = self.project.new_take(name, SUFFIX)
        seconds = await run_in_threadpool(write_take, path, frames)
        return await self._add(name, take, path, seconds, len(frames))

    async def add_file(self, name: str, upload: Path, suffix: str) -> Take:
        """Keep an uploaded video as a take.

        Raises:
            TransNetError: it is no video, or there is no such class any more.
        """
        clip = await run_in_threadpool(self.service.decoders.clip, upload, ClipConfig(size=32))
        take, path = self.project.new_take(name, suffix)
        await run_in_threadpool(_copy, upload, path)
        return await self._add(name, take, path, clip.times_s[-1] - clip.times_s[0], 0)

    async def _add(self, name: str, take: str, path: Path, seconds: float, frames: int) -> Take:
        thumbnail = self.project.thumbnail(take)
        try:
            await run_in_threadpool(write_thumbnail, self.service.decoders, path, thumbnail)
            added = self.project.add_take(name, take, path, round(seconds, 3), frames)
        except TransNetError:
            path.unlink(missing_ok=True)
            thumbnail.unlink(missing_ok=True)
            raise
        label = self.project.find_class(name).label
        self.tell()
        await self.teacher.compute_features([{"id": take, "label": label, "path": str(path)}])
        return added

    async def _hear(self, event: dict[str, Any]) -> None:
        if event["kind"] == "trained":
            await self.service.engine.load(self.project.run)
            self.exports.clear()
            self.project.set_result(None)
            self.tell()
        elif event["kind"] == "tested":
            self.project.set_result(event["result"])
            self.tell()
        elif event["kind"] == "exported":
            self.exports[event["form"]] = self.service.folder / event["name"]
            self.tell()
        elif event["kind"] == "progress":
            self.tell({"kind": "progress", "teacher": asdict(self.teacher.state)})
        else:
            self.tell()


def _copy(upload: Path, path: Path) -> None:
    import shutil

    shutil.copyfile(upload, path)
