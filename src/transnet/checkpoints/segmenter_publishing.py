"""A pretraining on the Hugging Face Hub: encoder and decoder in one file, and a card.

``config.json`` holds the record of the segmenter, ``model.safetensors`` the weights of both parts,
``encoder.`` or ``decoder.`` before their names, and the metadata of both files. A download makes
the two files of them again (:mod:`~transnet.checkpoints.hub_files`), so ``hf-hub:USER/NAME`` is
like the folder of the pretraining: weights of a backbone, and a segmenter.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

from transnet.checkpoints.hub_files import CONFIG, SEGMENTER, SEGMENTER_PARTS, WEIGHTS
from transnet.checkpoints.publishing import check_name, upload
from transnet.checkpoints.segmenter import (
    FORMAT,
    SegmenterInfo,
    load_segmenter_network,
    save_segmenter,
)
from transnet.checkpoints.weights_file import read_weights, write_weights
from transnet.utils.progress import say

_CARD = """---
library_name: transnet-har
pipeline_tag: image-segmentation
license: {license}
tags: [person-segmentation, transnet]
---
# {title}

Finds the people in pictures: {backbone}, started from {start}, trained on masks of people
([TransNet+](https://arxiv.org/abs/2309.06951)), and its decoder.

```bash
pip install transnet-har
transnet segment hf-hub:{name} photo.jpg
transnet train CLIPS --weights hf-hub:{name} --out RUN      # its encoder is the backbone
```

{measured}

License of the start weights: {backbone_license}. The license of the photos is not recorded.
"""


def push_segmenter(
    run: str | Path, name: str, *, license: str | None = None, private: bool = False
) -> str:
    """Publish a pretraining.

    Args:
        run: the ``--out`` folder of ``transnet pretrain``.
        name: ``USER/NAME`` of the repository, made if it is not there.
        license: license of the whole, as the hub calls it; by default that of the start weights.
        private: whether only you can see a repository that is made.

    Returns:
        The address of the new revision.

    Raises:
        TransNetError: the folder holds no complete pretraining, the name is invalid, you are not
            logged in, or the hub refuses.
    """
    check_name(name)
    segmenter, info = load_segmenter_network(run)
    info = replace(info, data=Path(info.data).name)  # the folder of the photos is private
    known = info.backbone.license.lower()
    chosen = license or ("unknown" if known == "none" else known)
    with tempfile.TemporaryDirectory(prefix="transnet-push-") as scratch:
        files = Path(scratch)
        save_segmenter(files, segmenter, info)
        parts = {part: read_weights(files / f"{part}.safetensors") for part in SEGMENTER_PARTS}
        state = {
            f"{part}.{key}": value
            for part in SEGMENTER_PARTS
            for key, value in parts[part][0].items()
        }
        texts = {part: json.dumps(parts[part][1]) for part in SEGMENTER_PARTS}
        write_weights(files / WEIGHTS, state, texts)
        config = {
            "library_name": "transnet-har",
            "pipeline_tag": "image-segmentation",
            "license": chosen,
            SEGMENTER: {"format": FORMAT, **info.to_dict()},
        }
        (files / CONFIG).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
        card = _card(Path(run).expanduser(), info, name, chosen)
        (files / "README.md").write_text(card, encoding="utf-8")
        address = upload(files, name, private)
    say(f"pushed to {address}\nuse it with: transnet segment hf-hub:{name} PHOTO")
    return address


def _card(run: Path, info: SegmenterInfo, name: str, license: str) -> str:
    measured = "**It was not measured.**"
    if (run / "metrics.json").is_file():
        metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
        measured = (
            f"IoU of the person {metrics['iou']:.3f}, Dice {metrics['dice']:.3f}, on "
            f"{metrics['num_photos']} validation photos."
        )
    return _CARD.format(
        license=license,
        title=name.partition("/")[2],
        name=name,
        backbone=info.backbone.name,
        start=info.backbone.weights,
        measured=measured,
        backbone_license=info.backbone.license,
    )
