"""Whether the hub can be reached: without it, its client's minute of retries is skipped."""

from __future__ import annotations

import socket
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def offline_unless_reachable() -> Iterator[None]:
    """Let the hub's client use only its cache where there is no network."""
    from huggingface_hub import constants

    offline = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = offline or not _reachable(constants.ENDPOINT)
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = offline


def _reachable(address: str) -> bool:
    if urllib.request.getproxies():
        return True  # only the proxy knows; a direct connection says nothing
    parts = urllib.parse.urlsplit(address)
    port = parts.port or (80 if parts.scheme == "http" else 443)
    try:
        socket.create_connection((parts.hostname or address, port), timeout=5).close()
    except OSError:
        return False
    return True
