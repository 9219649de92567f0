"""The settings of pretraining."""

from __future__ import annotations

from dataclasses import dataclass

from transnet.config.settings import require, require_seed


@dataclass(frozen=True, kw_only=True)
class PretrainingConfig:
    """How a backbone is pretrained on human segmentation (TransNet+).

    Epochs and batch size are the paper's.

    Raises:
        TransNetError: a value is out of range.

    Example:
        >>> PretrainingConfig().epochs
        200
    """

    size: int = 224
    """height and width of a photo, in pixels"""

    skips: bool = False
    """true: add skip connections from the backbone to the decoder, for comparison"""

    epochs: int = 200
    """maximum number of epochs"""

    batch_size: int = 24
    """photos per batch"""

    learning_rate: float = 1e-3
    """peak learning rate of newly initialized layers"""

    backbone_learning_rate: float = 0.0
    """peak learning rate of the backbone; 0: 3e-4 for pretrained weights, else the same as
    --learning-rate"""

    weight_decay: float = 0.05
    """weight decay of AdamW"""

    warmup: float = 0.05
    """share of the steps in which the learning rate rises, 0 to 1"""

    paste: float = 0.5
    """probability that the people of a training photo are pasted onto another photo, 0 to 1"""

    validation: str = "0.15"
    """validation photos: a share, chosen by --seed, or a range of photos with numbered names, such
    as 201-230"""

    patience: int = 40
    """epochs without a better validation loss before training stops; 0 disables early stopping"""

    pictures_every: int = 10
    """save pictures of validation masks every this many epochs"""

    max_broken: float = 0.01
    """share of broken photos to tolerate, 0 to 1; they are skipped"""

    workers: int = 2
    """processes that load photos; 0: the training process itself"""

    seed: int = 0
    """random seed; the same seed gives the same result"""

    def __post_init__(self) -> None:
        require(32 <= self.size <= 4096, self, "size", "32 to 4096 pixels")
        for name in ("epochs", "batch_size", "pictures_every"):
            require(getattr(self, name) >= 1, self, name, "1 or more")
        require(self.learning_rate > 0, self, "learning_rate", "above 0")
        for name in ("warmup", "paste", "max_broken"):
            require(0 <= getattr(self, name) <= 1, self, name, "0 to 1")
        for name in ("backbone_learning_rate", "weight_decay", "patience", "workers"):
            require(getattr(self, name) >= 0, self, name, "0 or more")
        require_seed(self)
