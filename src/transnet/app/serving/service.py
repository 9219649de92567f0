"""What a server holds: the model thread, the decoders, the jobs, a folder for uploads."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from fastapi import Request

from transnet.app.serving.decoder import Decoders
from transnet.app.serving.engine import Engine
from transnet.app.serving.jobs import Jobs
from transnet.app.serving.metrics import Metrics
from transnet.app.serving.notifying import Notifier
from transnet.app.serving.problems import busy
from transnet.app.serving.settings import ServerConfig
from transnet.app.serving.uploads import Upload, received
from transnet.config import StreamConfig


class Service:
    """The parts that the routes share.

    Args:
        config: limits.
        stream: step of a stream's window, events.
        measure: whether runtimes may be tried before the model is ready.

    Attributes:
        folder: where uploads lie while they are worked on.
        streams: WebSocket streams that are open.
    """

    def __init__(
        self, config: ServerConfig, stream: StreamConfig = StreamConfig(), *, measure: bool = False
    ) -> None:
        self.config, self.stream = config, stream
        self.notifier = Notifier(config.notify)
        self.folder = Path(tempfile.mkdtemp(prefix="transnet-"))
        self.engine = Engine(config.max_waiting, measure=measure)
        self.decoders = Decoders(config)
        self.jobs = Jobs()
        self.metrics = Metrics()
        self.streams = 0
        self.in_progress = 0

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Count a request that takes disk and processor time.

        Raises:
            RequestError: 429, there are too many.
        """
        if self.in_progress >= self.config.max_waiting:
            raise busy()
        self.in_progress += 1
        try:
            yield
        finally:
            self.in_progress -= 1

    @asynccontextmanager
    async def uploaded(self, request: Request) -> AsyncIterator[Upload]:
        """The video of a request, admitted and on disk for as long as the context lasts.

        Raises:
            RequestError: 415, 422, 429: it is not understood, or there are too many requests.
        """
        with self.admitted():
            async with received(request, self.folder) as upload:
                yield upload

    def close(self) -> None:
        """Finish the work in hand, and remove the uploads."""
        self.jobs.close()
        self.engine.stop()
        self.notifier.close()
        self.decoders.close()
        shutil.rmtree(self.folder, ignore_errors=True)
