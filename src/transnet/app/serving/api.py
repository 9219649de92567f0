"""The routes of ``transnet serve``, which the web page uses too."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import PlainTextResponse, Response
from pydantic import BaseModel, ConfigDict
from starlette.concurrency import run_in_threadpool

from transnet.app.serving.jobs import Job, JobState
from transnet.app.serving.problems import RequestError, documented
from transnet.app.serving.service import Service
from transnet.app.serving.uploads import Upload, request_body
from transnet.app.serving.watching import VideoWatcher, Watcher
from transnet.errors import TransNetError
from transnet.inference.prediction import UNKNOWN

if TYPE_CHECKING:
    from transnet.inference.prediction import Prediction


class Health(BaseModel):
    """The process answers."""

    status: str = "ok"


class LabelScore(BaseModel):
    """One class, as the Hugging Face inference API gives it."""

    label: str
    score: float


class Detail(BaseModel):
    """A whole prediction, as ``transnet predict --json`` gives it."""

    model_config = ConfigDict(extra="allow")
    path: str
    label: str
    score: float
    scores: dict[str, float]
    start_s: float
    end_s: float


class ModelCard(BaseModel):
    """What is served."""

    classes: list[str]
    backbone: str
    pretraining: str
    frames: int
    size: int
    window_s: float
    split: str
    runtime: str


def make_router(service: Service) -> APIRouter:
    """The routes of a service."""
    router = APIRouter()
    _add_state(router, service)
    _add_predict(router, service)
    _add_explain(router, service)
    _add_timeline(router, service)

    @router.websocket("/stream")
    async def stream(socket: WebSocket) -> None:
        await _serve_stream(socket, service)

    return router


def _add_state(router: APIRouter, service: Service) -> None:
    @router.get("/health", responses=documented(), summary="Whether the process answers")
    async def health() -> Health:
        return Health()

    @router.get("/ready", responses=documented(503), summary="Whether the model is loaded")
    async def ready() -> Health:
        service.engine.require()
        return Health()

    @router.get("/model", responses=documented(503), summary="Classes, backbone, window")
    async def model() -> ModelCard:
        return describe(service)

    @router.get(
        "/metrics",
        responses=documented(),
        response_class=PlainTextResponse,
        summary="Counters for Prometheus",
    )
    async def metrics() -> PlainTextResponse:
        service.metrics.set("waiting", service.engine.waiting)
        service.metrics.set("requests_in_progress", service.in_progress)
        service.metrics.set("streams", service.streams)
        return PlainTextResponse(service.metrics.text(), media_type="text/plain; version=0.0.4")


def describe(service: Service) -> ModelCard:
    """What is served.

    Raises:
        RequestError: 503, nothing is loaded yet.
    """
    recognizer = service.engine.require()
    info = recognizer.info
    return ModelCard(
        classes=list(info.classes),
        backbone=info.backbone.name,
        pretraining=info.backbone.pretraining,
        frames=info.clip.frames,
        size=info.clip.size,
        window_s=info.stream_step_s * (info.clip.frames - 1),
        split=info.split,
        runtime=service.engine.runtime,
    )


def _add_predict(router: APIRouter, service: Service) -> None:
    @router.post(
        "/predict",
        response_model=list[LabelScore] | Detail,
        responses=documented(413, 415, 422, 429, 503),
        openapi_extra=request_body(),
        summary="Classify a short video",
    )
    async def predict(
        request: Request,
        detail: Annotated[bool, Query(description="the whole prediction, with times")] = False,
    ) -> Any:
        started = time.perf_counter()
        recognizer = service.engine.require()
        async with service.uploaded(request) as upload:
            frames = await run_in_threadpool(
                service.decoders.clip, upload.path, recognizer.info.clip
            )
            prediction = await service.engine.predict(frames, upload.name)
        for label in prediction.labels or (UNKNOWN,):
            service.metrics.add("predictions_total", label=label)
        service.metrics.add("predict_seconds_total", time.perf_counter() - started)
        if detail:
            return prediction.to_dict()
        return [LabelScore(label=label, score=score) for label, score in _best(prediction, upload)]


def _best(prediction: Prediction, upload: Upload) -> list[tuple[str, float]]:
    """The best classes, after ``unknown`` if the video shows none of them.

    With several labels at once, those that reach their thresholds, which may be none.
    """
    if prediction.thresholds:
        return [(label, prediction.scores[label]) for label in prediction.labels][: upload.top_k]
    best = list(prediction.scores.items())
    if not prediction.known:
        learned = prediction.none_score > prediction.score  # else it is unlike every training clip
        best.insert(0, (UNKNOWN, prediction.none_score if learned else 1.0))
    return best[: upload.top_k]


def _add_explain(router: APIRouter, service: Service) -> None:
    @router.post(
        "/explain",
        response_class=Response,
        responses={200: {"content": {"image/png": {}}}, **documented(413, 415, 422, 429, 503)},
        openapi_extra=request_body(),
        summary="Show what the answer for a short video is based on",
    )
    async def explain(request: Request) -> Response:
        recognizer = service.engine.require()
        async with service.uploaded(request) as upload:
            frames = await run_in_threadpool(
                service.decoders.clip, upload.path, recognizer.info.clip
            )
            picture = await service.engine.explain(frames)
        return Response(picture, media_type="image/png")


def _add_timeline(router: APIRouter, service: Service) -> None:
    @router.post(
        "/timeline",
        status_code=202,
        responses=documented(413, 415, 422, 429, 503),
        openapi_extra=request_body(),
        summary="Start watching a long video",
    )
    async def timeline(request: Request) -> JobState:
        service.engine.require()
        async with service.uploaded(request) as upload:
            # The job outlives the request: it gets a name of its own for the file.
            path = upload.path.with_name(f"kept-{upload.path.name}")
            upload.path.rename(path)
            upload.path.touch()
            try:
                return service.jobs.start(lambda job: _watch(service, job, path, upload.name))
            except RequestError:
                path.unlink()
                raise

    @router.get("/jobs/{job}", responses=documented(404, 422), summary="State of a long video")
    async def jobs(job: str) -> JobState:
        return service.jobs.get(job)


def _watch(service: Service, job: Job, path: Path, name: str) -> dict[str, Any]:
    def tell(share: float) -> None:
        service.jobs.check()
        job.progress = share

    try:
        watcher = VideoWatcher(service.engine, service.decoders, service.stream)
        return watcher.timeline(path, name, tell)
    finally:
        path.unlink(missing_ok=True)


async def _serve_stream(socket: WebSocket, service: Service) -> None:
    await socket.accept()
    if service.streams >= service.config.max_streams:
        message = f"{service.config.max_streams} streams are open already; try again later."
        await socket.send_json({"kind": "error", "error": message})
        return await socket.close(1013)
    service.streams += 1
    watcher = Watcher(service.engine, service.stream, tell=service.notifier.tell)
    try:
        await _answer_frames(socket, service, watcher)
    except WebSocketDisconnect:
        pass
    finally:
        watcher.finish()  # who was told that an event began is told that it has ended
        service.streams -= 1
    return None


async def _answer_frames(socket: WebSocket, service: Service, watcher: Watcher) -> None:
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return None
        if message.get("text") == "end":
            for line in watcher.finish():
                await socket.send_json(line)
            return await socket.close(1000)
        try:
            lines = await watcher.push(message.get("bytes") or b"")
        except RequestError as error:
            lines = [{"kind": "busy" if error.status == 429 else "error", "error": error.message}]
        except TransNetError as error:
            lines = [{"kind": "error", "error": str(error)}]
        service.metrics.add("frames_total")
        for line in lines:
            await socket.send_json(line)
