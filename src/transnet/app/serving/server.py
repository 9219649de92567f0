"""The application around the routes, and the server that runs it."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import uvicorn
from fastapi import Depends, FastAPI
from fastapi.security import HTTPBearer

from transnet.app.serving.api import make_router
from transnet.app.serving.guard import Access, App, Guard
from transnet.app.serving.problems import add_handlers
from transnet.app.serving.service import Service
from transnet.app.serving.settings import FRAME_BYTES
from transnet.errors import TransNetError

LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
STOP_S = 10
KEEP_ALIVE_S = 75
"""Longer than clients (5 s of httpx) and proxies (60 s) keep an idle connection: the side that asks
closes it, so that no request meets a connection that is being closed."""
_STOPPING = (signal.SIGINT, signal.SIGTERM)
KEY_VARIABLE = "TRANSNET_API_KEY"


def make_app(
    service: Service,
    start: Callable[[], None],
    stop: Callable[[], Awaitable[None]] | None = None,
    *,
    key: str = "",
) -> FastAPI:
    """The API of a service.

    Args:
        service: the parts.
        start: called when the server starts, in its event loop.
        stop: called before the service is closed.
        key: documented as needed if there is one.
    """
    from importlib.metadata import version

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        start()
        yield
        if stop:
            await stop()
        service.close()

    needs_key = [Depends(HTTPBearer(auto_error=False))] if key else []
    app = FastAPI(
        title="TransNet",
        version=version("transnet-har"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,  # both load scripts from elsewhere
        dependencies=needs_key,
        description="Classify videos of human actions, watch streams of them.",
    )
    add_handlers(app)
    app.include_router(make_router(service))
    return app


def guarded(app: FastAPI, service: Service, access: Access) -> App:
    """The application behind its guard."""

    def count(route: str, status: int) -> None:
        service.metrics.add("requests_total", path=route, status=status)

    # A JSON request holds the video as base64, a third larger.
    return Guard(app, access, service.config.max_upload * 4 // 3 + 2**16, count)


def listen(host: str, port: int) -> socket.socket:
    """A socket to serve on; port 0 is any free one.

    Raises:
        TransNetError: the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)  # from now on callers wait for the server instead of being refused
    except (OSError, OverflowError) as error:
        listener.close()
        raise TransNetError(
            f"--host {host} --port {port} cannot be used ({error}); accepted: an address of this "
            "machine and a free port, 0 for any."
        ) from error
    return listener


def run_server(app: App, listener: socket.socket, certificate: tuple[Path, Path] | None) -> None:
    """Serve until SIGTERM or Ctrl-C; requests in hand are answered first."""
    certificate_file, key_file = certificate or (None, None)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_S,
        timeout_keep_alive=KEEP_ALIVE_S,
        ws_max_size=FRAME_BYTES + 8,
        ws_max_queue=4,
        ssl_certfile=certificate_file,
        ssl_keyfile=key_file,
    )
    _Server(config).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Ends well when it is told to; uvicorn itself would raise the signal again afterwards."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        handlers = {kind: signal.signal(kind, self.handle_exit) for kind in _STOPPING}
        try:
            yield
        finally:
            for kind, handler in handlers.items():
                signal.signal(kind, handler)


def read_key(path: str | None) -> str:
    """The API key: of a file, else of the variable; empty for none.

    Raises:
        TransNetError: the file cannot be read, or is empty.
    """
    if path is None:
        return os.environ.get(KEY_VARIABLE, "").strip()
    try:
        key = Path(path).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise TransNetError(f"--key-file is {path!r}, which cannot be read ({error}).") from error
    if not key:
        raise TransNetError(f"--key-file is {path!r}, which is empty; write the key into it.")
    return key
