"""The extra ``[app]``: what must be installed for the commands of this room."""

from __future__ import annotations

from importlib.util import find_spec

from transnet.errors import TransNetError


def require_extra(command: str) -> None:
    """See that the packages of the extra are there.

    Raises:
        TransNetError: one is missing.
    """
    for package in ("fastapi", "uvicorn", "python_multipart", "websockets"):
        if find_spec(package) is None:
            raise TransNetError(
                f"transnet {command} needs {package}, which is not installed: "
                "pip install 'transnet-har[app]'"
            )
