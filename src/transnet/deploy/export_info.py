"""What an exported model must say of itself so that it can be used: labels, sampling, pixels.

The same JSON stands in each model's own metadata and in ``export.json`` beside them.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from transnet.config import ClipConfig, from_dict
from transnet.data.views import CENTER
from transnet.errors import TransNetError

FORMAT = 1
METADATA_KEY = "transnet"


@dataclass(frozen=True)
class ExportInfo:
    """The description of an exported model.

    Attributes:
        classes: the labels, in the order of the outputs.
        clip: how a video becomes a clip.
        mean: mean of RGB in 0..1; the model itself normalizes, this is for the record.
        std: standard deviation of RGB in 0..1, for the record.
        features: length L of a frame's feature vector.
        precision: ``float32`` or ``int8``.
        backbone: name of the ``timm`` model.
        pretraining: what the backbone had learned before.
        split: the split that the run was trained on.
        versions: of the packages that trained and exported it.
    """

    classes: tuple[str, ...]
    clip: ClipConfig
    mean: tuple[float, ...]
    std: tuple[float, ...]
    features: int
    precision: str
    backbone: str
    pretraining: str
    split: str
    versions: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """One line of JSON, with the input described in words for users of other languages."""
        values = {
            "format": FORMAT,
            **asdict(self),
            "input": {
                "layout": "(B, T, H, W, 3)",
                "dtype": "uint8",
                "colours": "RGB, 0 to 255",
                "normalisation": "inside the model: (x / 255 - mean) / std",
                "resize": f"short side to {round(self.clip.size * CENTER.zoom)} pixels, bicubic",
                "crop": f"the middle {self.clip.size} x {self.clip.size} pixels",
            },
        }
        return json.dumps(values)


def read_export_info(text: str | None, path: object) -> ExportInfo:
    """Read what :meth:`ExportInfo.to_json` wrote.

    Args:
        text: the JSON, ``None`` if the model has none.
        path: the model, to name it in an error.

    Raises:
        TransNetError: it is not one of our exports, or one of a newer version.
    """
    if text is None:
        raise TransNetError(
            f"{path} is a model without our metadata; accepted: what transnet export wrote."
        )
    try:
        values = json.loads(text)
        if values["format"] > FORMAT:
            raise TransNetError(
                f"{path} was exported by a newer version ({values['versions']['transnet-har']}); "
                "upgrade transnet-har or transnet-har-runtime with pip install --upgrade."
            )
        for name in ("classes", "mean", "std"):
            values[name] = tuple(values[name])
        values["clip"] = from_dict(ClipConfig, values["clip"])
        info: ExportInfo = from_dict(ExportInfo, values)
    except (ValueError, KeyError, TypeError) as error:
        raise TransNetError(f"the metadata of {path} cannot be understood ({error!r}).") from error
    return info
