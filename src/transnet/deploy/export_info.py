"""The description of an exported model: classes, sampling, input.

Each model holds it as JSON in its metadata; ``export.json`` holds it too.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from transnet.checkpoints.backbone_record import (
    BackboneRecord,
    check_classes,
    check_thresholds,
    flatten,
    from_dict,
    gather,
)
from transnet.config import NO_CLASS, ClipConfig, Cues
from transnet.data.people.boxes import MARGIN
from transnet.data.views import CENTER
from transnet.errors import TransNetError

FORMAT = 1
METADATA_KEY = "transnet"
EARLIER = "earlier_"
"""What the inputs of an encoder begin with that are maps of the frame before."""

EXPORT_FILE = "export.json"
DIGESTS = "digests"
"""The key in ``export.json`` of the digests of the files, by their names."""


@dataclass(frozen=True)
class ExportInfo:
    """The description of an exported model.

    Attributes:
        classes: the labels, in the order of the outputs.
        clip: how a video becomes a clip.
        backbone: the backbone and where its weights came from. The model itself normalizes its
            input, so ``mean`` and ``std`` are for information only.
        features: length L of a frame's feature vector.
        step_s: seconds between two frames of a training clip, the median over the clips, which a
            stream should have too; 0 in exports of earlier versions.
        precision: ``float32`` or ``int8``.
        split: the split that the run was trained on.
        cues: what is classified; with motion the encoder takes maps of the frame before.
        versions: versions of the packages that trained and exported it.
        learned_none: whether the last output stands for none of the classes.
        threshold: distance to the nearest training clip above which a clip is unknown; ``None`` if
            the run cannot tell.
        unknown_pays: whether the last evaluation of the run has shown that telling them pays.
        class_thresholds: probability from which each class is answered, of a run that answers
            several labels at once; empty if the most probable class is the answer.
    """

    classes: tuple[str, ...]
    clip: ClipConfig
    backbone: BackboneRecord
    features: int
    precision: str
    split: str
    cues: Cues = "appearance"
    versions: dict[str, str] = field(default_factory=dict)
    learned_none: bool = False
    threshold: float | None = None
    unknown_pays: bool = False
    step_s: float = 0.0
    class_thresholds: tuple[float, ...] = ()

    @property
    def outputs(self) -> tuple[str, ...]:
        """The classes and, last, ``_none`` if the run was trained on such clips."""
        return (*self.classes, NO_CLASS) if self.learned_none else self.classes

    def to_json(self) -> str:
        """One line of JSON, with a description of the input for users of other runtimes."""
        values = {
            "format": FORMAT,
            **flatten(self),
            "input": {
                "layout": "(B, T, H, W, 3)",
                "dtype": "uint8",
                "colours": "RGB, 0 to 255",
                "normalisation": "inside the model: (x / 255 - mean) / std",
                "resize": f"short side to {round(self.clip.size * CENTER.zoom)} pixels, bicubic",
                "crop": f"the middle {self.clip.size} x {self.clip.size} pixels",
                "of": _seen(self.clip),
            },
        }
        return json.dumps(values)


def _seen(clip: ClipConfig) -> str:
    """What the resized picture shows, in words."""
    if clip.crop == "people":
        return f"a square around a person, {MARGIN} times the longer side of the person's box"
    return f"the region {clip.region}" if clip.region else "the displayed picture"


def file_digest(path: Path) -> str:
    """A hash of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()[:32]


def require_undamaged(path: Path) -> None:
    """Check an exported file, and the weights next to an ``.xml``, with ``export.json``.

    A file without ``export.json`` next to it, or of an older version, is not checked.

    Raises:
        TransNetError: it does not agree with its digest, or ``export.json`` cannot be read.
    """
    record = path.with_name(EXPORT_FILE)
    if not record.is_file():
        return
    try:
        digests = dict(json.loads(record.read_text(encoding="utf-8")).get(DIGESTS, {}))
        for part in (path, path.with_suffix(".bin")):
            if part.is_file() and digests.get(part.name, "") not in ("", file_digest(part)):
                raise TransNetError(
                    f"{part} is damaged: it does not agree with its digest in {EXPORT_FILE}; "
                    "restore it from a copy, or export the run again."
                )
    except (AttributeError, LookupError, OSError, RecursionError, TypeError, ValueError) as error:
        raise TransNetError(f"{record} cannot be understood ({error!r}).") from error


def read_export_info(text: str | None, path: object) -> ExportInfo:
    """Parse the output of :meth:`ExportInfo.to_json`.

    Args:
        text: the JSON; ``None`` if the model has none.
        path: the model's path, for error messages.

    Raises:
        TransNetError: the model is no export of TransNet, or was exported by a newer version.
    """
    if text is None:
        raise TransNetError(
            f"{path} is a model without our metadata; accepted: models written by transnet export."
        )
    try:
        values = json.loads(text)
        if values["format"] > FORMAT:
            raise TransNetError(
                f"{path} was exported by a newer version ({values['versions']['transnet-har']}); "
                "upgrade transnet-har or transnet-har-runtime with pip install --upgrade."
            )
        values = gather(values)
        values["classes"] = check_classes(values["classes"])
        values["clip"] = from_dict(ClipConfig, values["clip"])
        if values.get("class_thresholds"):
            least = check_thresholds(values["class_thresholds"], values["classes"])
            values["class_thresholds"] = least
        info: ExportInfo = from_dict(ExportInfo, values)
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise TransNetError(f"the metadata of {path} cannot be understood ({error!r}).") from error
    return info
