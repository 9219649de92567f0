"""The cells of a table: a backbone with a pretraining, and how it is trained."""

from __future__ import annotations

from dataclasses import dataclass, replace

import timm

from transnet.config import ClipConfig, Cues, ModelConfig, Readout, TrainingConfig
from transnet.model.video_network import VIDEO_BACKBONES

MOTION = {"appearance": "", "motion": "motion alone", "both": "with motion"}
"""What a table says of the cues."""


@dataclass(frozen=True)
class Cell:
    """A row of a table: a backbone with a pretraining, and its settings.

    Attributes:
        backbone: name of the image network.
        pretraining: ``none``, ``imagenet`` or ``hss``.
        readout: ``pool`` or ``flatten``.
        cues: ``appearance`` (the paper), ``motion`` or ``both``.
        clip: frames, size and sampling of a clip.
        training: settings of the training.
    """

    backbone: str
    pretraining: str
    readout: Readout
    cues: Cues
    clip: ClipConfig
    training: TrainingConfig

    @property
    def recipe(self) -> str:
        """The name in the table of results, different for different settings."""
        return f"{self.backbone}, {self.pretraining}, {self.readout}, {self.treatment}"

    @property
    def model(self) -> ModelConfig:
        """The architecture of the network; a 3D network has its own."""
        if self.backbone in VIDEO_BACKBONES:
            return ModelConfig(cues="appearance")
        return ModelConfig(readout=self.readout, cues=self.cues)

    @property
    def treatment(self) -> str:
        """How the backbone is used: ``frozen at 224 px``, ``trained 8 epochs at 64 px``."""
        learned = "frozen" if self.training.freeze else f"trained {self.training.epochs} epochs"
        motion = MOTION[self.cues]
        return f"{learned} at {self.clip.size} px{motion and ', '}{motion}"


def make_cell(
    backbone: str,
    kind: str,
    readout: Readout,
    cues: Cues = "appearance",
    *,
    size: int,
    scratch_size: int,
    scratch_epochs: int,
    quick: bool,
) -> Cell:
    """A cell: frozen if the backbone is pretrained, else trained from scratch as a whole.

    Args:
        backbone: name of the image network.
        kind: the pretraining: ``none``, ``imagenet`` or ``hss``.
        readout: ``pool`` or ``flatten``.
        cues: ``appearance`` (the paper), ``motion`` or ``both``.
        size: frame size in pixels with a pretrained, frozen backbone.
        scratch_size: frame size in pixels for training from scratch.
        scratch_epochs: epochs of training from scratch.
        quick: a miniature.
    """
    scratch = kind == "none"
    clip = ClipConfig(size=scratch_size if scratch else size)
    training = TrainingConfig()
    if scratch:
        # The number of epochs is fixed, so no clips are held out to choose it: as with a frozen
        # backbone, the final training is on all training clips.
        training = TrainingConfig(
            freeze=False,
            epochs=scratch_epochs,
            backbone_learning_rate=training.learning_rate * (1.0 if _normalizes(backbone) else 0.1),
            validation=0.0,
            patience=0,
        )
    if quick:
        clip = ClipConfig(frames=4, size=64)
        training = replace(training, epochs=1, min_steps=1, views=1)
    return Cell(backbone, kind, readout, cues, clip, training)


def _normalizes(backbone: str) -> bool:
    """Whether a network has normalization layers, such as batch norm.

    Without them (VGG16) the usual learning rate is too large for training from scratch: the
    accuracy stayed close to chance.
    """
    if not timm.is_model(backbone):
        return True
    modules = timm.create_model(backbone, num_classes=0).modules()
    kinds = {type(module).__name__.lower() for module in modules}
    return any("norm" in kind and "normfree" not in kind for kind in kinds)
