"""The routes of the web page: the project, recording, training, taking away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from transnet.app.serving.jpeg import jpeg_size
from transnet.app.serving.problems import RequestError, documented
from transnet.app.serving.uploads import request_body
from transnet.app.serving.watching import timed_jpeg
from transnet.app.takeaway.archives import FORMS
from transnet.app.teaching.project import ConflictError
from transnet.app.teaching.studio import Studio
from transnet.app.teaching.takes import Frame
from transnet.data.video.reader import VIDEO_SUFFIXES
from transnet.errors import TransNetError

MAX_FRAMES = 1200
MAX_BYTES = 96 * 2**20

Version = Annotated[int, Query(ge=0, description="the version that the caller knows")]


class Label(BaseModel):
    """What people call a class."""

    label: str = Field(min_length=1, max_length=200)


class Target(BaseModel):
    """The class that a take shall belong to."""

    to: str = Field(min_length=1, max_length=200)


class Settings(BaseModel):
    """Settings of a training."""

    mirror: bool


def make_router(studio: Studio) -> APIRouter:
    """The routes of a project."""
    router = APIRouter(prefix="/api")
    _add_classes(router, studio)
    _add_takes(router, studio)
    _add_training(router, studio)

    @router.websocket("/events")
    async def events(socket: WebSocket) -> None:
        await _tell_tab(socket, studio)

    @router.websocket("/record/{name}")
    async def record(socket: WebSocket, name: str) -> None:
        await _record(socket, studio, name)

    return router


def _changed(studio: Studio) -> dict[str, Any]:
    studio.tell()
    return studio.state()


@contextmanager
def _refusing() -> Iterator[None]:
    """Answer a change that the project refuses: 409 where it is of an old version, else 422."""
    try:
        yield
    except TransNetError as error:
        status = 409 if isinstance(error, ConflictError) else 422
        raise RequestError(status, str(error)) from error


def _add_classes(router: APIRouter, studio: Studio) -> None:
    project, answers = studio.project, documented(409, 422)

    @router.get("/project", responses=answers, summary="Classes, takes, training")
    async def read() -> dict[str, Any]:
        return studio.state()

    @router.post("/classes", responses=answers, summary="Add a class")
    async def add(body: Label, version: Version) -> dict[str, Any]:
        with _refusing():
            project.add_class(body.label, version)
        return _changed(studio)

    @router.patch("/classes/{name}", responses=answers, summary="Rename a class")
    async def rename(name: str, body: Label, version: Version) -> dict[str, Any]:
        with _refusing():
            project.rename_class(name, body.label, version)
        return _changed(studio)

    @router.delete("/classes/{name}", responses=answers, summary="Delete a class and its takes")
    async def delete(name: str, version: Version) -> dict[str, Any]:
        with _refusing():
            project.delete_class(name, version)
        return _changed(studio)


def _video_suffix(name: str) -> str:
    suffix = Path(name).suffix.lower()
    return suffix if suffix in VIDEO_SUFFIXES else ".mp4"


def _add_takes(router: APIRouter, studio: Studio) -> None:
    project, answers = studio.project, documented(409, 422)

    @router.post(
        "/classes/{name}/takes",
        responses=documented(413, 415, 422, 429),
        openapi_extra=request_body(),
        summary="Add a video file as a take",
    )
    async def add(request: Request, name: str) -> dict[str, Any]:
        project.find_class(name)
        async with studio.service.uploaded(request) as upload:
            await studio.add_file(name, upload.path, _video_suffix(upload.name))
        return studio.state()

    @router.patch("/takes/{name}", responses=answers, summary="Move a take to another class")
    async def move(name: str, body: Target, version: Version) -> dict[str, Any]:
        with _refusing():
            project.move_take(name, body.to, version)
        return _changed(studio)

    @router.delete("/takes/{name}", responses=answers, summary="Delete a take")
    async def delete(name: str, version: Version) -> dict[str, Any]:
        with _refusing():
            project.delete_take(name, version)
        return _changed(studio)

    @router.get(
        "/takes/{name}/thumbnail",
        responses=documented(404, 422),
        response_class=FileResponse,
        summary="Eight squares of a take, side by side",
    )
    async def thumbnail(name: str) -> FileResponse:
        try:
            _, take = project.find_take(name)
        except TransNetError as error:
            raise RequestError(404, str(error)) from error
        headers = {"Cache-Control": "private, max-age=31536000, immutable"}
        return FileResponse(project.thumbnail(take.id), media_type="image/jpeg", headers=headers)


def _add_training(router: APIRouter, studio: Studio) -> None:
    @router.patch("/settings", responses=documented(409, 422), summary="Settings of a training")
    async def settings(body: Settings, version: Version) -> dict[str, Any]:
        with _refusing():
            studio.project.set_mirror(body.mirror, version)
        await studio.teacher.compute_features()
        return _changed(studio)

    @router.post("/train", status_code=202, responses=documented(422), summary="Train")
    async def train() -> dict[str, Any]:
        filled = [one for one in studio.project.classes if one.takes]
        if len(filled) < 2:
            raise RequestError(422, "record takes of two classes or more, then train.")
        await studio.teacher.train()
        return _changed(studio)

    @router.post(
        "/exports/{form}",
        status_code=202,
        responses=documented(422),
        summary="Make something to take away",
    )
    async def export(form: Literal["run", "onnx", "page"]) -> dict[str, Any]:
        if not studio.project.has_run:
            raise RequestError(422, "there is no recognizer yet; train first.")
        await studio.teacher.export(form, studio.service.folder / f"{form}.zip")
        return _changed(studio)

    @router.get(
        "/exports/{form}",
        responses=documented(404, 422),
        response_class=FileResponse,
        summary="Take it away",
    )
    async def download(form: Literal["run", "onnx", "page"]) -> FileResponse:
        path = studio.exports.get(form)
        if path is None:
            raise RequestError(404, "it is not made yet.")
        name = f"{studio.project.folder.name}-{FORMS[form]}.zip"
        return FileResponse(path, media_type="application/zip", filename=name)


async def _tell_tab(socket: WebSocket, studio: Studio) -> None:
    await socket.accept()
    tab = studio.open_tab()
    try:
        # The server cancels what waits when it stops.
        with suppress(WebSocketDisconnect, asyncio.CancelledError):
            while True:
                await socket.send_json(await tab.get())
    finally:
        studio.close_tab(tab)


async def _record(socket: WebSocket, studio: Studio, name: str) -> None:
    """Frames as they come; the words ``save`` and ``drop`` end a take."""
    await socket.accept()
    frames: list[Frame] = []
    size = 0
    with suppress(WebSocketDisconnect):
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            try:
                if message.get("text"):
                    await _end_take(socket, studio, name, message["text"], frames)
                    frames, size = [], 0
                    continue
                time_s, jpeg = timed_jpeg(message.get("bytes") or b"", 0.0)
                jpeg_size(jpeg)
                size += len(jpeg)
                if len(frames) >= MAX_FRAMES or size > MAX_BYTES:
                    raise TransNetError(f"the take is too long; accepted: {MAX_FRAMES} frames.")
                if frames and time_s <= frames[-1][0]:
                    raise TransNetError("the times of the frames do not increase.")
                frames.append((time_s, jpeg))
            except TransNetError as error:
                frames, size = [], 0
                await socket.send_text(json.dumps({"kind": "error", "error": str(error)}))


async def _end_take(
    socket: WebSocket, studio: Studio, name: str, word: str, frames: list[Frame]
) -> None:
    if word == "drop":
        return
    if word != "save":
        raise TransNetError(f"the word is {word[:20]!r}; accepted: save, drop.")
    take = await studio.add_recording(name, frames)
    await socket.send_text(json.dumps({"kind": "saved", "take": take.id}))
