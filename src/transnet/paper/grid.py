"""The cells of a table: a backbone with a pretraining, and how it is taught."""

from __future__ import annotations

from dataclasses import dataclass, replace

import timm

from transnet.config import ClipConfig, ModelConfig, Readout, TrainingConfig
from transnet.model.video_network import VIDEO_BACKBONES


@dataclass(frozen=True)
class Cell:
    """A backbone with a pretraining, under some splits.

    Attributes:
        backbone: name of the image network.
        pretraining: ``none``, ``imagenet`` or ``hss``.
        readout: ``pool`` or ``flatten``.
        clip: how a video becomes a clip.
        training: how the network learns.
    """

    backbone: str
    pretraining: str
    readout: Readout
    clip: ClipConfig
    training: TrainingConfig

    @property
    def recipe(self) -> str:
        """The name in the table of results; other settings have another name."""
        return f"{self.backbone}, {self.pretraining}, {self.readout}, {self.teaching}"

    @property
    def model(self) -> ModelConfig:
        """The size and form of the network; a 3D network has its own."""
        if self.backbone in VIDEO_BACKBONES:
            return ModelConfig()
        return ModelConfig(readout=self.readout)

    @property
    def teaching(self) -> str:
        """What happens to the backbone: ``frozen at 224 px``, ``trained 8 epochs at 64 px``."""
        learned = "frozen" if self.training.freeze else f"trained {self.training.epochs} epochs"
        return f"{learned} at {self.clip.size} px"


def make_cell(
    backbone: str,
    kind: str,
    readout: Readout,
    *,
    size: int,
    scratch_size: int,
    scratch_epochs: int,
    quick: bool,
) -> Cell:
    """The settings of a cell: frozen if it knows something, else trained as a whole, from nothing.

    Args:
        backbone: name of the image network.
        kind: ``none``, ``imagenet`` or ``hss``.
        readout: ``pool`` or ``flatten``.
        size: frame size in pixels where the backbone knows something and stays frozen.
        scratch_size: frame size in pixels where the backbone is trained from nothing.
        scratch_epochs: epochs there.
        quick: a miniature.
    """
    scratch = kind == "none"
    clip = ClipConfig(size=scratch_size if scratch else size)
    training = TrainingConfig()
    if scratch:
        # The number of epochs is given, so no clips are kept back to find it: as for the frozen
        # ones, all training clips are learned from.
        training = TrainingConfig(
            freeze=False,
            epochs=scratch_epochs,
            backbone_learning_rate=training.learning_rate * (1.0 if _normalizes(backbone) else 0.1),
            validation=0.0,
            patience=0,
        )
    if quick:
        clip = ClipConfig(frames=4, size=64)
        training = replace(training, epochs=1, views=1)
    return Cell(backbone, kind, readout, clip, training)


def _normalizes(backbone: str) -> bool:
    """Whether a network has layers that keep its activations in range, batch norm say.

    Without them (VGG16) the usual learning rate is too large: trained from random weights, the
    network learned next to nothing.
    """
    if not timm.is_model(backbone):
        return True
    modules = timm.create_model(backbone, num_classes=0).modules()
    kinds = {type(module).__name__.lower() for module in modules}
    return any("norm" in kind and "normfree" not in kind for kind in kinds)
