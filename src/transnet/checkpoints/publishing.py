"""A run on the Hugging Face Hub: ``config.json``, ``model.safetensors``, and a model card.

``config.json`` holds the record of the run and the digests of the clips that it was trained on,
so that an evaluation on one of them is refused after a download too. It names no file, folder or
person: the clips are called by their digests. ``novelty.safetensors`` is not published, since it
consists of features of the training clips.
"""

from __future__ import annotations

import csv
import io
import json
import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from transnet.checkpoints.clip_list import CLIPS_FILE, require_undamaged_clips
from transnet.checkpoints.hub_files import CLIP_COLUMNS, CONFIG, WEIGHTS
from transnet.checkpoints.model_card import Scores, model_card, read_scores
from transnet.checkpoints.run import RunInfo, save_model, save_run_info
from transnet.errors import TransNetError
from transnet.model.networks import Network
from transnet.utils.progress import say

_NAME = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)


def push(
    info: RunInfo,
    model: Network,
    name: str,
    *,
    folder: Path | None = None,
    license: str | None = None,
    private: bool = False,
) -> str:
    """Publish a recognizer.

    Args:
        info: its record.
        model: its network.
        name: ``USER/NAME`` of the repository, made if it is not there.
        folder: its run folder, for the metrics and the digests of its training clips.
        license: license of the whole, as the hub calls it (``apache-2.0``); by default that of
            the backbone's weights.
        private: whether only you can see a repository that is made.

    Returns:
        The address of the new revision.

    Raises:
        TransNetError: the name is invalid, you are not logged in, or the hub refuses.
    """
    check_name(name)
    scores = read_scores(folder) if folder else None
    chosen = license or _known_license(info)
    with tempfile.TemporaryDirectory(prefix="transnet-push-") as scratch:
        files = Path(scratch)
        _write_files(files, _public(info), model, folder, chosen)
        card = model_card(info, name, chosen, scores)
        (files / "README.md").write_text(card, encoding="utf-8")
        address = upload(files, name, private)
    say(f"pushed to {address}\n{_told(scores)}\nuse it with: transnet predict hf-hub:{name} VIDEO")
    return address


def check_name(name: str) -> None:
    """Refuse what is no name of a repository."""
    if not _NAME.fullmatch(name):
        raise TransNetError(f"name is {name!r}; accepted: USER/NAME, such as anna/squat-or-bend.")


def _known_license(info: RunInfo) -> str:
    license = info.backbone.license.lower()
    return "unknown" if license == "none" else license


def _public(info: RunInfo) -> RunInfo:
    """The record without the place of the data on this machine."""
    published, colon, _ = info.data.partition(":")
    named = colon and published in ("kth", "ucf101", "hmdb51")
    return replace(info, data=published if named else "own clips")


def _write_files(
    files: Path, info: RunInfo, model: Network, folder: Path | None, license: str
) -> None:
    """``config.json`` and weights that confirm it; see :func:`~.run.save_model`."""
    save_run_info(files, info)
    rows = _clips(folder)
    with open(files / CLIPS_FILE, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([CLIP_COLUMNS, *rows])
    save_model(files, model)
    config = {
        "library_name": "transnet-har",
        "pipeline_tag": "video-classification",
        "license": license,
        "transnet": json.loads((files / "transnet.json").read_text(encoding="utf-8")),
        "clips": rows,
    }
    (files / CONFIG).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def _clips(folder: Path | None) -> list[list[str]]:
    """The training and validation clips, each called by its digest; columns ``CLIP_COLUMNS``."""
    if folder is None or not (folder / CLIPS_FILE).is_file():
        return []
    require_undamaged_clips(folder)
    text = (folder / CLIPS_FILE).read_text(encoding="utf-8", errors="surrogateescape")
    return [
        [row["digest"], row["label"], "", row["start"], row["end"], row["split"], row["digest"]]
        for row in csv.DictReader(io.StringIO(text))
        if row["split"] in ("train", "validation")
    ]


def upload(files: Path, name: str, private: bool) -> str:
    """Upload the two files and the card in a folder; the address of the new revision.

    Raises:
        TransNetError: you are not logged in, the hub refuses, or it cannot be reached.
    """
    from huggingface_hub import HfApi, errors

    api = HfApi()
    try:
        api.create_repo(name, private=private, exist_ok=True)
        done: Any = api.upload_folder(
            repo_id=name,
            folder_path=files,
            allow_patterns=[CONFIG, WEIGHTS, "README.md"],
            commit_message="Push with TransNet",
        )
    except (errors.LocalTokenNotFoundError, errors.HfHubHTTPError) as error:
        status = getattr(getattr(error, "response", None), "status_code", 401)
        if status in (401, 403):
            raise TransNetError(
                f"the hub does not let you write to {name}. Log in with: hf auth login, with a "
                "token that may write, and check USER."
            ) from error
        raise TransNetError(f"the hub refused the upload to {name} ({error}).") from error
    except Exception as error:  # the hub's client has no common base for "cannot be reached"
        raise TransNetError(
            f"{name} could not be uploaded ({type(error).__name__}: {error}). Try again with a "
            "network; what was uploaded is not uploaded twice."
        ) from error
    return f"{api.endpoint}/{name}/tree/{done.oid}"


def _told(scores: Scores | None) -> str:
    if scores is None:
        return (
            "warning: the card says that it was not evaluated; run transnet evaluate, then push "
            "again."
        )
    if scores.leaks:
        return (
            f"warning: the card says that the score is too high ({scores.headline}): "
            f"{scores.siblings_in_train:.1%} of the test clips share class and group with a "
            "training clip."
        )
    return f"the card states the score of metrics.json: {scores.headline}"
