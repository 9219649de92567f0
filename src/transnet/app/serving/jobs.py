"""Long videos: a job is accepted at once, worked on in a thread, and asked for by its id."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

from transnet.app.serving.problems import RequestError, busy
from transnet.errors import TransNetError

MAX_WAITING = 4
KEPT_S = 3600.0
MAX_KEPT = 100


class JobState(BaseModel):
    """A job as the caller sees it."""

    id: str
    status: Literal["waiting", "running", "done", "failed"]
    progress: float
    result: dict[str, Any] | None = None
    error: str | None = None


@dataclass
class Job:
    """A piece of work; ``progress`` is 0..1."""

    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    status: Literal["waiting", "running", "done", "failed"] = "waiting"
    progress: float = 0.0
    result: dict[str, Any] | None = None
    error: str | None = None
    ended_s: float = 0.0

    def state(self) -> JobState:
        """What the caller sees."""
        return JobState(
            id=self.id,
            status=self.status,
            progress=self.progress,
            result=self.result,
            error=self.error,
        )


class Jobs:
    """Runs jobs one after the other and remembers their results for an hour."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="jobs")
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def start(self, work: Callable[[Job], dict[str, Any]]) -> JobState:
        """Accept a piece of work.

        Args:
            work: returns the result, and sets ``progress`` of the job that it is given.

        Raises:
            RequestError: 429, too many are waiting.
        """
        with self._lock:
            self._forget()
            if sum(job.status in ("waiting", "running") for job in self._jobs.values()) >= (
                MAX_WAITING
            ):
                raise busy(f"{MAX_WAITING} videos are waiting already; try again later.")
            job = Job()
            self._jobs[job.id] = job
        self._pool.submit(self._run, job, work)
        return job.state()

    def get(self, name: str) -> JobState:
        """A job by its id.

        Raises:
            RequestError: 404, there is none.
        """
        job = self._jobs.get(name)
        if job is None:
            raise RequestError(404, "there is no such job; results are kept for an hour.")
        return job.state()

    def close(self) -> None:
        """Stop; the job in hand ends with its next frame."""
        self._stopping.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def check(self) -> None:
        """Called by work in progress.

        Raises:
            TransNetError: the server is stopping.
        """
        if self._stopping.is_set():
            raise TransNetError("the server was stopped.")

    def _run(self, job: Job, work: Callable[[Job], dict[str, Any]]) -> None:
        job.status = "running"
        try:
            job.result = work(job)
            job.status, job.progress = "done", 1.0
        except (TransNetError, RequestError) as error:
            job.status, job.error = "failed", str(error)
        except Exception as error:
            job.status, job.error = "failed", f"the video cannot be watched ({error!r})."
        job.ended_s = time.monotonic()

    def _forget(self) -> None:
        ended = [job for job in self._jobs.values() if job.status in ("done", "failed")]
        ended.sort(key=lambda job: job.ended_s)
        for number, job in enumerate(ended):
            old = time.monotonic() - job.ended_s > KEPT_S
            if old or len(ended) - number > MAX_KEPT:
                del self._jobs[job.id]
