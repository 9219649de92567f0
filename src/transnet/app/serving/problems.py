"""What goes wrong with a request, as an HTTP status and a sentence."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from transnet.errors import TransNetError


class Problem(BaseModel):
    """The body of every answer that is not a success."""

    error: str


class RequestError(Exception):
    """A request that is refused.

    Args:
        status: the HTTP status.
        message: a sentence for the caller.
        headers: further headers of the answer.
    """

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers


def busy(message: str = "the server is busy; try again in a second.") -> RequestError:
    """Too many requests: 429."""
    return RequestError(429, message, {"Retry-After": "1"})


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a route: what it may refuse with, and the guard's own refusals."""
    return {status: {"model": Problem} for status in (*statuses, 400, 401, 403)}


def add_handlers(app: FastAPI) -> None:
    """Answer every error as JSON of :class:`Problem`."""

    @app.exception_handler(RequestError)
    async def refused(_: Request, error: RequestError) -> JSONResponse:
        return problem(error.status, error.message, error.headers)

    @app.exception_handler(TransNetError)
    async def mistaken(_: Request, error: TransNetError) -> JSONResponse:
        return problem(422, str(error))

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> JSONResponse:
        headers = dict(error.headers) if error.headers else None
        return problem(error.status_code, str(error.detail), headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return problem(422, f"{where}: {first['msg']}.")


def problem(status: int, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """An answer that is not a success."""
    return JSONResponse({"error": message}, status, headers)
