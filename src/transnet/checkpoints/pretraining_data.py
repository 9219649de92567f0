"""What the weights on ``timm``'s hub were trained on, according to their tags.

A tag (``mobilenetv1_100.ra4_e3600_r224_in1k``) names the recipe, and the datasets in the order of
training: ``augreg_in21k_ft_in1k`` was trained on ImageNet-21k, then fine-tuned on ImageNet-1k.
"""

from __future__ import annotations

import re

_DATASET = re.compile(
    r"(?:^|_)("
    r"in1k|in12k|inw?21k|in22k"  # ImageNet: 1,000 classes, and larger sets
    r"|lvd142m|lvd1689m|sat493m"  # DINOv2, DINOv3
    r"|openai|laion2b|laion400m|laiona|datacompxl|datacomp1b|dfn2b|dfn5b|dfndr2b"  # CLIP
    r"|metaclip\w*|merged2b|cc12m|webli"  # CLIP, EVA-CLIP, SigLIP
    r"|ig1b|jft|yfcc15m|yfcc100m|sa1b|m30m|m38m|bamboo"
    r")(?=_|$)"
)
_FINE_TUNED = ("ft", "lc")  # or a linear classifier on top


def pretraining_of(tag: str) -> str:
    """What weights with this tag were trained on, in order, joined by ``+``.

    Example:
        >>> pretraining_of("ra4_e3600_r224_in1k")
        'imagenet'
        >>> pretraining_of("laion2b_ft_in12k_in1k")
        'laion2b+in12k+imagenet'
        >>> pretraining_of("lvd142m")
        'lvd142m'
        >>> pretraining_of("swag_ft_in1k")
        'unknown: swag_ft_in1k'
    """
    found = list(_DATASET.finditer(tag))
    # Fine-tuned, but from what is not said: the last dataset alone would be a wrong answer.
    if not found or tag[: found[0].start()].rpartition("_")[2] in _FINE_TUNED:
        return f"unknown: {tag or 'no tag'}"
    names = ["imagenet" if match[1] == "in1k" else match[1] for match in found]
    return "+".join(dict.fromkeys(names))
