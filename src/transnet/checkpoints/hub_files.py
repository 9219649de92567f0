"""Repositories of the Hugging Face Hub where a run or ``--weights`` is named.

``hf-hub:USER/NAME[@REVISION]`` stands for two files of a repository, ``config.json`` and
``model.safetensors``. They are downloaded once into the hub client's own cache, by revision, and
read from there without a network. :func:`local_folder` makes a folder of them that is like any
other: a run folder, or a folder with one weights file.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import io
import json
import os
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transnet.checkpoints.reaching import offline_unless_reachable
from transnet.config import HUB
from transnet.errors import TransNetError
from transnet.utils.files import written_whole
from transnet.utils.paths import cache_folder
from transnet.utils.progress import say

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
SEGMENTER = "segmenter"
"""The key in ``config.json`` of the record of a pretraining."""

SEGMENTER_PARTS = ("encoder", "decoder")
"""What the names of a pretraining's weights begin with, and the names of its two files."""

CLIP_COLUMNS = ("path", "label", "group", "start", "end", "split", "digest")
"""Columns of the clips in ``config.json``, those of ``clips.csv``."""

_REPOSITORY = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?", re.ASCII)
_MAX_CONFIG_BYTES = 64 * 2**20


@dataclass(frozen=True)
class HubFiles:
    """The two files of a repository, in the cache of the hub's client.

    Attributes:
        name: ``USER/NAME``.
        commit: the revision that they are of, a hash.
        config: content of ``config.json``.
        weights: path of ``model.safetensors``.
    """

    name: str
    commit: str
    config: dict[str, Any]
    weights: Path


def is_hub_address(place: str | Path) -> bool:
    """Whether a run or weights are named by ``hf-hub:USER/NAME``."""
    return str(place).startswith(HUB)


def local_folder(place: str | Path) -> Path:
    """The folder of a run or of weights, which is downloaded first if the hub has it.

    Args:
        place: a path, or ``hf-hub:USER/NAME[@REVISION]``.

    Raises:
        TransNetError: the hub has no such repository or revision, cannot be reached and the files
            were not downloaded before, or a file is damaged.

    Example:
        >>> local_folder("runs/mine").name
        'mine'
    """
    return _downloaded(str(place)) if is_hub_address(place) else Path(place).expanduser()


def hub_files(address: str) -> HubFiles:
    """Download the files of a repository, or find them in the cache; check their digests.

    Raises:
        TransNetError: as for :func:`local_folder`.
    """
    match = _REPOSITORY.fullmatch(address.removeprefix(HUB))
    if match is None:
        raise TransNetError(
            f"RUN or --weights is {address!r}; accepted: hf-hub:USER/NAME or "
            "hf-hub:USER/NAME@REVISION (a branch, a tag, or a commit)."
        )
    name, revision = match["name"], match["revision"]
    config, weights = (_download(name, revision, file) for file in (CONFIG, WEIGHTS))
    if config.parent != weights.parent:
        config, weights = (_download(name, revision, file) for file in (CONFIG, WEIGHTS))
    return HubFiles(name, config.parent.name, _read_config(config), weights)


def _download(name: str, revision: str | None, file: str) -> Path:
    from huggingface_hub import errors, hf_hub_download

    try:
        with offline_unless_reachable():
            path = Path(hf_hub_download(name, file, revision=revision))
    except errors.GatedRepoError as error:
        raise TransNetError(f"{name} asks for your consent first: {error}") from error
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError) as error:
        at = f" at {revision}" if revision else ""
        raise TransNetError(
            f"the hub has no repository {name}{at}, or it is private. Check the name; for a "
            "private one, log in with: hf auth login"
        ) from error
    except errors.LocalEntryNotFoundError as error:
        raise TransNetError(
            f"{name}: {file} is not in the cache of downloads, and the hub cannot be reached. "
            "Try again with a network."
        ) from error
    except errors.EntryNotFoundError as error:
        raise TransNetError(
            f"{name} has no {file}; accepted: a repository with {CONFIG} and {WEIGHTS}, such as "
            "those of transnet push and of timm."
        ) from error
    except Exception as error:  # the hub's client has no common base for its errors
        raise TransNetError(f"{name}: {file} cannot be downloaded ({error}).") from error
    _check_digest(name, path)
    return path


def _check_digest(name: str, path: Path) -> None:
    """Compare a file with its digest, which is the name of the file behind the cache's link."""
    named = path.resolve().name
    if len(named) == 64:  # of a large file
        found = hashlib.sha256()
    elif len(named) == 40:  # as git does
        found = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    else:  # a cache without links does not keep it; the weights hold a digest of their own
        return
    with open(path, "rb") as file:
        while block := file.read(2**20):
            found.update(block)
    if found.hexdigest() != named:
        raise TransNetError(
            f"{name}: the downloaded {path.name} is damaged; delete {path.resolve()} and start "
            "again."
        )


def _read_config(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MAX_CONFIG_BYTES:
            raise ValueError(f"larger than {_MAX_CONFIG_BYTES // 2**20} MB")
        config = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(config, dict):
            raise ValueError("not an object")
    except (OSError, RecursionError, ValueError) as error:
        raise TransNetError(f"{path} cannot be understood ({error}).") from error
    return config


@functools.cache  # a command asks several times
def _downloaded(address: str) -> Path:
    files = hub_files(address)
    folder = cache_folder() / "hub" / files.name.replace("/", "--") / files.commit
    folder.mkdir(parents=True, exist_ok=True)
    record, segmenter = files.config.get("transnet"), files.config.get(SEGMENTER)
    if segmenter is not None:
        _write(folder / "segmenter.json", json.dumps(segmenter, indent=2) + "\n")
        _divide(files.weights, folder)
    else:
        _link(files.weights, folder / WEIGHTS)
    if record is not None:
        _write(folder / "transnet.json", json.dumps(record, indent=2) + "\n")
        _write(folder / "clips.csv", _clips_table(files))
    say(f"{address}: {_described(files)}")
    return folder


def _divide(weights: Path, folder: Path) -> None:
    """The weights of a pretraining as the files of its parts."""
    from transnet.checkpoints.weights_file import read_weights, write_weights  # imports torch

    places = {part: folder / f"{part}.safetensors" for part in SEGMENTER_PARTS}
    if all(place.is_file() for place in places.values()):
        return
    state, texts = read_weights(weights)
    try:
        for part, place in places.items():
            own = {
                key.removeprefix(f"{part}."): value
                for key, value in state.items()
                if key.startswith(f"{part}.")
            }
            metadata = json.loads(texts[part])
            write_weights(place, own, {str(key): str(value) for key, value in metadata.items()})
    except (AttributeError, KeyError, RecursionError, ValueError) as error:
        raise TransNetError(f"{weights} cannot be understood ({error!r}).") from error


def _described(files: HubFiles) -> str:
    """What a repository holds and its licenses, on one line."""
    config, at = files.config, f"revision {files.commit[:12]}"
    segmenter = config.get(SEGMENTER)
    if isinstance(segmenter, dict):
        license = config.get("license", "unknown")
        return f"people in pictures, by {segmenter.get('backbone')}, {at}, license: {license}"
    record = config.get("transnet")
    if not isinstance(record, dict):
        pretrained = config.get("pretrained_cfg")
        license = pretrained.get("license") if isinstance(pretrained, dict) else None
        return f"weights of {config.get('architecture', 'an unnamed network')}, {at}, license: {license or 'unknown'}"  # noqa: E501
    classes = record.get("classes")
    count = len(classes) if isinstance(classes, list) else 0
    return (
        f"a recognizer of {count} classes on {record.get('backbone')}, {at}, license: "
        f"{config.get('license', 'unknown')}; backbone pretrained on {record.get('pretraining')}, "
        f"license: {record.get('license', 'unknown')}"
    )


def _clips_table(files: HubFiles) -> str:
    rows = files.config.get("clips", [])
    if not isinstance(rows, list) or not all(
        isinstance(row, list) and len(row) == len(CLIP_COLUMNS) for row in rows
    ):
        raise TransNetError(f"{files.name}: clips in its {CONFIG} cannot be understood.")
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([CLIP_COLUMNS, *rows])
    return text.getvalue()


def _write(path: Path, text: str) -> None:
    content = text.encode("utf-8", "surrogateescape")
    if not path.is_file() or path.read_bytes() != content:
        with written_whole(path) as temporary:
            temporary.write_bytes(content)


def _link(weights: Path, path: Path) -> None:
    """Let the folder hold the weights without a second copy, where the file system has links."""
    if path.is_file():
        return
    with suppress(OSError):
        path.unlink()  # a link to a cache that was emptied
    with written_whole(path) as temporary:
        try:
            os.symlink(weights.resolve(), temporary)
        except OSError:
            shutil.copyfile(weights, temporary)
