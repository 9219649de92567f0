"""A video in a request: multipart, the JSON of the Hugging Face inference API, or its bytes.

Uploads are written under random names in a folder of the server; names of callers never become
paths.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from transnet.app.serving.problems import RequestError
from transnet.app.serving.settings import MEGABYTE

RAW_TYPES = (
    "application/octet-stream",
    "video/mp4",
    "video/webm",
    "video/x-msvideo",
    "video/x-matroska",
    "video/quicktime",
)


class Parameters(BaseModel):
    """Parameters of the Hugging Face inference API; others are ignored."""

    model_config = ConfigDict(extra="allow")
    top_k: int | None = Field(None, ge=1, le=10_000, description="labels in the answer")


class VideoInputs(BaseModel):
    """A request of the Hugging Face inference API for video classification."""

    inputs: str = Field(
        min_length=1,
        pattern=r"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
        description="the video as base64; an address is not fetched",
        json_schema_extra={"contentEncoding": "base64"},
    )
    parameters: Parameters | None = None


@dataclass(frozen=True)
class Upload:
    """A received video.

    Attributes:
        path: where it lies while the request is answered.
        name: what the caller calls it, for answers only.
        top_k: labels that the caller wants; ``None``: all.
    """

    path: Path
    name: str
    top_k: int | None


@asynccontextmanager
async def received(request: Request, folder: Path) -> AsyncIterator[Upload]:
    """The video of a request, on disk for as long as the context lasts.

    Raises:
        RequestError: 415, 422: there is none, or it is not understood.
    """
    descriptor, name = tempfile.mkstemp(prefix="upload-", dir=folder)
    path = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            title, top_k = await _receive(request, file)
        if path.stat().st_size == 0:
            raise RequestError(422, "the video is empty (0 bytes).")
        yield Upload(path, title, top_k)
    finally:
        path.unlink(missing_ok=True)


async def _receive(request: Request, file: Any) -> tuple[str, int | None]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return await _receive_form(request, file)
    if kind == "application/json":
        return await _receive_json(request, file)
    if kind in RAW_TYPES:
        async for chunk in request.stream():
            await run_in_threadpool(file.write, chunk)
        return "video", None
    raise RequestError(
        415,
        f"the content type is {kind[:100]!r}; accepted: multipart/form-data with a field file, "
        f"application/json with inputs, {', '.join(RAW_TYPES)}.",
    )


async def _receive_form(request: Request, file: Any) -> tuple[str, int | None]:
    try:
        async with request.form(max_files=1, max_fields=4) as form:
            upload = form.get("file")
            if not isinstance(upload, UploadFile):
                raise RequestError(422, "there is no file; accepted: a form with a field file.")
            while chunk := await upload.read(MEGABYTE):
                await run_in_threadpool(file.write, chunk)
            return _title(upload.filename), None
    except HTTPException as error:
        raise RequestError(422, f"the form cannot be read ({error.detail}).") from error


async def _receive_json(request: Request, file: Any) -> tuple[str, int | None]:
    try:
        values = json.loads(await request.body())
        if isinstance(values, dict) and str(values.get("inputs"))[:8].lower().startswith("http"):
            raise RequestError(422, "inputs is an address; accepted: the video itself as base64.")
        inputs = VideoInputs.model_validate(values, strict=True)
        video = base64.b64decode(inputs.inputs, validate=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the body"
        raise RequestError(422, f"{where}: {first['msg']}.") from error
    except binascii.Error as error:
        raise RequestError(422, f"inputs is not base64 ({error}).") from error
    except (ValueError, RecursionError) as error:
        raise RequestError(422, f"the body is not JSON ({error}).") from error
    await run_in_threadpool(file.write, video)
    return "video", inputs.parameters.top_k if inputs.parameters else None


def _title(name: str | None) -> str:
    cleaned = "".join(c for c in (name or "") if c.isprintable() and c not in "/\\")
    return cleaned[:200] or "video"


def request_body() -> dict[str, Any]:
    """The OpenAPI description of a video in a request."""
    binary = {"type": "string", "format": "binary"}
    form = {"type": "object", "required": ["file"], "properties": {"file": binary}}
    inputs = VideoInputs.model_json_schema(ref_template="#/components/schemas/{model}")
    parameters = inputs.pop("$defs")["Parameters"]
    inputs["properties"]["parameters"] = {"anyOf": [parameters, {"type": "null"}]}
    content = {"multipart/form-data": {"schema": form}, "application/json": {"schema": inputs}}
    content |= {kind: {"schema": binary} for kind in RAW_TYPES}
    return {"requestBody": {"required": True, "content": content}}
