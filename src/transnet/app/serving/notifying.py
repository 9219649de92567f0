"""An address that is called when an event of a stream begins or ends."""

from __future__ import annotations

import json
import queue
import threading
import urllib.parse
import urllib.request
from typing import Any

from transnet.errors import TransNetError
from transnet.utils.progress import say

TIMEOUT_S = 5
MAX_WAITING = 100


class Notifier:
    """Posts events as JSON, in a thread of its own, so that a slow address delays no frame.

    Args:
        address: ``http://`` or ``https://``; ``None``: nothing is called.

    Raises:
        TransNetError: it is something else.
    """

    def __init__(self, address: str | None) -> None:
        self.address = address
        if address is not None:
            parts = urllib.parse.urlsplit(address)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise TransNetError(
                    f"notify is {address!r}; accepted: an address, http://... or https://..."
                )
        self._events: queue.Queue[dict[str, Any] | None] = queue.Queue(MAX_WAITING)
        self._thread: threading.Thread | None = None
        self._failed = False

    def tell(self, event: dict[str, Any]) -> None:
        """Post an event soon; never waits. Where too many wait, it is dropped."""
        if self.address is None:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="notify", daemon=True)
            self._thread.start()
        if not self._events.full():
            self._events.put(event)

    def close(self) -> None:
        """Post what waits, for a few seconds at most."""
        if self._thread is not None and not self._events.full():
            self._events.put(None)
            self._thread.join(TIMEOUT_S)

    def _work(self) -> None:
        while (event := self._events.get()) is not None:
            request = urllib.request.Request(
                str(self.address), json.dumps(event).encode(), {"Content-Type": "application/json"}
            )
            try:
                urllib.request.urlopen(request, timeout=TIMEOUT_S).close()
                self._failed = False
            except (OSError, ValueError) as error:
                if not self._failed:
                    say(f"warning: {self.address} does not accept events ({error})")
                self._failed = True
