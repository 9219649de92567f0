"""``transnet serve``: a run as an HTTP API."""

from __future__ import annotations

from transnet.app.requirements import require_extra
from transnet.app.serving.settings import ServerConfig
from transnet.config import StreamConfig, Unknown
from transnet.utils.progress import say


def serve(
    run: str,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    server: ServerConfig = ServerConfig(),
    stream: StreamConfig = StreamConfig(),
    unknown: Unknown = "auto",
) -> None:
    """Serve a run over HTTP: POST /predict, POST /timeline, WebSocket /stream, GET /openapi.json.

    Args:
        run: the folder of a trained run
        host: address to listen on; 0.0.0.0 for every network interface
        port: port to listen on; 0 for any free one
        server: limits
        stream: how a stream is watched
        unknown: call what is unlike the training clips unknown; auto: if transnet evaluate has
            shown that it pays

    Raises:
        TransNetError: RUN is no trained run, is trained on crops of people, or cannot tell what is
            unknown, or the address cannot be used.
    """
    require_extra("serve")
    from transnet.app.serving.guard import Access
    from transnet.app.serving.server import (
        LOCAL,
        guarded,
        listen,
        make_app,
        read_key,
        run_server,
    )
    from transnet.app.serving.service import Service
    from transnet.checkpoints.novelty import choose_novelty
    from transnet.checkpoints.run import load_run_info
    from transnet.data.clips import require_whole_pictures

    # A mistake is told here, not by a server that never gets ready.
    require_whole_pictures(load_run_info(run).clip)
    choose_novelty(run, unknown)
    key = read_key(server.key_file)
    listener = listen(host, port)
    service = Service(server, stream, measure=True)

    def start() -> None:
        service.decoders.warm()
        service.engine.start(run, unknown=unknown)

    hosts = {*LOCAL, host} if host in LOCAL else set()
    app = make_app(service, start, key=key)
    address = f"http://{host}:{listener.getsockname()[1]}"
    say(f"serving {run} at {address} ({'with' if key else 'without'} a key); Ctrl-C stops")
    run_server(guarded(app, service, Access(hosts, key)), listener, None)
