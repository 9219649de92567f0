"""YAML files of settings: bounded in size, and without aliases that multiply their content."""

from __future__ import annotations

from pathlib import Path

import yaml

from transnet.errors import TransNetError

MAX_BYTES = 1 << 20
MAX_DEPTH = 20


def check_yaml(file: str, option: str = "--config") -> None:
    """Check that a YAML file can be parsed in little time and memory.

    Args:
        file: the file, as the user typed it.
        option: the option that names it, for errors.

    Raises:
        TransNetError: it is no file, is too large or nested too deeply, or repeats a list or a
            table by an alias (``*name``). Nine nested aliases of nine each are a billion values.
    """
    path = Path(file).expanduser()
    try:
        if not path.is_file():
            raise TransNetError(f"{option} is {file[:200]!r}; accepted: a YAML file.")
        if path.stat().st_size > MAX_BYTES:
            raise TransNetError(
                f"{path} is too large; accepted: up to {MAX_BYTES:,} bytes of YAML."
            )
        _check_events(path, path.read_text(encoding="utf-8"))
    except (OSError, RecursionError, UnicodeError, ValueError) as error:
        raise TransNetError(
            f"{option} is {file[:200]!r}, which cannot be read ({error})."
        ) from None
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise TransNetError(f"{path} is not valid YAML ({reason}).") from None


def _check_events(path: Path, text: str) -> None:
    simple: set[str] = set()
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.ScalarEvent) and event.anchor:
            simple.add(event.anchor)
        elif isinstance(event, yaml.AliasEvent) and event.anchor not in simple:
            raise TransNetError(
                f"{path} repeats a list or a table by the alias *{event.anchor}; accepted: aliases "
                "of single values."
            )
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise TransNetError(f"{path} is nested too deeply; accepted: {MAX_DEPTH} levels.")
