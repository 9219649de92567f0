"""Weights in ``.safetensors`` files with a digest, so that damage is noticed.

The metadata holds ``digest``, a hash of the weights, their names and the other metadata. Files of
older versions, and of others, lack it and are read without that check.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from transnet.errors import TransNetError
from transnet.model.encoder import weights_digest
from transnet.utils.files import written_whole

_DIGEST = "digest"


def write_weights(
    path: Path, state: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Write weights and a digest of them.

    Args:
        path: the file, which takes its name once it is complete.
        state: the weights by name.
        metadata: further texts.

    Raises:
        TransNetError: the file cannot be written.
    """
    plain = {name: value.contiguous() for name, value in state.items()}
    texts = dict(metadata or {})
    texts[_DIGEST] = weights_digest(plain, _about(texts))
    with written_whole(path) as temporary:
        save_file(plain, temporary, texts)


def read_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read weights and the metadata of their file.

    Raises:
        TransNetError: the file cannot be read or is damaged, or a weight is no number.
    """
    try:
        with safe_open(path, framework="pt") as file:
            texts = dict(file.metadata() or {})
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, RuntimeError, SafetensorError, ValueError) as error:
        raise TransNetError(f"{path} is not a readable .safetensors file ({error}).") from error
    digest = texts.pop(_DIGEST, None)
    if digest is not None and digest != weights_digest(state, _about(texts)):
        raise TransNetError(
            f"{path} is damaged: it does not agree with its digest; restore it from a copy, or "
            "make it again."
        )
    for name, value in state.items():
        if value.is_floating_point() and bool(torch.isnan(value).any()):
            raise TransNetError(
                f"{path} is damaged: {name!r} holds values that are no numbers; restore it from a "
                "copy, or make it again."
            )
    return state, texts


def require_same_facts(
    record: Path, weights: str, before: str | None, now: Mapping[str, Any]
) -> None:
    """Check that a record is the one that weights were written with.

    Args:
        record: the file of the record, for the error.
        weights: name of the file of the weights.
        before: JSON values that it holds of the record, if any. Either side may have values that
            the other's version does not know.
        now: the values of the record.

    Raises:
        TransNetError: a value differs.
    """
    earlier = json.loads(before or "{}")
    for name in sorted(earlier.keys() & now.keys()):
        was, found = earlier[name], now[name]
        if isinstance(was, dict) and isinstance(found, dict):
            shared = was.keys() & found.keys()
            was, found = ({key: part[key] for key in shared} for part in (was, found))
        if was != found:
            raise TransNetError(
                f"{record} does not belong to {weights}: {name} is {found!r} and was {was!r} in "
                "training; restore the file from a copy."
            )


def _about(metadata: Mapping[str, str]) -> bytes:
    return json.dumps(sorted(metadata.items())).encode() if metadata else b""
