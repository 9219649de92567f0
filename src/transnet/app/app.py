"""``transnet app``: teach a recognizer in the browser, try it, watch with it, take it away."""

from __future__ import annotations

import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

from transnet.app.requirements import require_extra
from transnet.app.serving.settings import ServerConfig
from transnet.config import StreamConfig
from transnet.utils.progress import say

if TYPE_CHECKING:
    from fastapi import FastAPI

    from transnet.app.teaching.studio import Studio

STATIC = Path(__file__).parent / "static"


def app(
    project: str = "transnet-project",
    *,
    port: int = 7860,
    lan: bool = False,
    no_browser: bool = False,
    backbone: str | None = None,
    weights: str = "imagenet",
    server: ServerConfig = ServerConfig(),
    stream: StreamConfig = StreamConfig(smooth_s=0.3, min_s=0.3),
) -> None:
    """Teach a recognizer in the browser: record takes of movements, train, watch it recognize them.

    Args:
        project: folder of the project, made if it is not there
        port: port to listen on; 0 for any free one
        lan: also for phones and computers in this network, with a certificate and a token
        no_browser: do not open a browser
        backbone: image network, as transnet train --backbone
        weights: as transnet train --weights
        server: limits
        stream: how the camera is watched

    Raises:
        TransNetError: PROJECT holds something else, or the port is in use.
    """
    require_extra("app")
    from transnet.app.serving.guard import Access
    from transnet.app.serving.server import LOCAL, guarded, listen, run_server
    from transnet.app.serving.service import Service
    from transnet.app.teaching.project import Project
    from transnet.app.teaching.studio import Studio

    opened = Project(project)
    opened.lock()
    listener = listen("0.0.0.0" if lan else "127.0.0.1", port)
    number = listener.getsockname()[1]
    studio = Studio(opened, Service(server, stream), backbone, weights)
    access, certificate, address = Access(LOCAL), None, f"http://127.0.0.1:{number}/"
    if lan:
        from transnet.app.lan import invite

        found = invite(opened.folder, number)
        access, certificate, address = found.access, found.certificate, found.address
        studio.invitation.address, studio.invitation.qr = found.address, found.qr_svg
        say(found.qr_text)
    say(f"{opened.folder} at {address}\nnothing leaves this computer; Ctrl-C stops")
    opening = None if no_browser else address
    app = make_studio_app(studio, opening)
    run_server(guarded(app, studio.service, access), listener, certificate)


def make_studio_app(studio: Studio, opening: str | None = None) -> FastAPI:
    """The page and its API.

    Args:
        studio: the project.
        opening: address to open in a browser once the server runs.
    """
    from fastapi.responses import FileResponse
    from fastapi.staticfiles import StaticFiles

    from transnet.app.serving.server import make_app
    from transnet.app.teaching.api import make_router

    def start() -> None:
        studio.start()
        if opening:
            threading.Thread(target=webbrowser.open, args=(opening,), daemon=True).start()

    app = make_app(studio.service, start, studio.teacher.stop)
    app.include_router(make_router(studio))
    app.mount("/static", StaticFiles(directory=STATIC), name="static")

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-cache"})

    return app
