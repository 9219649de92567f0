"""``transnet pretrain``: pretrain a backbone on person segmentation (TransNet+, section III-C)."""

from __future__ import annotations

from pathlib import Path

from transnet.config import Device, PretrainingConfig
from transnet.utils.file_lock import only_writer


def pretrain(
    data: str,
    *,
    out: str,
    backbone: str | None = None,
    weights: str = "imagenet",
    training: PretrainingConfig = PretrainingConfig(),
    device: Device = "auto",
    resume: bool = False,
    overwrite: bool = False,
) -> Path:
    """Pretrain a backbone on person segmentation, with photos and masks (TransNet+).

    Args:
        data: a folder with images/ and masks/ (people white), or with such folders train/ and
            validation/; supervisely:DIR; or synthetic, rendered people
        out: folder for the encoder, which train --weights takes, the segmenter and the report
        backbone: image network, any model of timm with a feature map; by default the one of the
            weights file, else mobilenetv1_100
        weights: initial weights of the backbone: imagenet, none (random), a .safetensors file or a
            folder with one
        training: epochs, learning rates, augmentation
        device: auto (a GPU if there is one), cpu, cuda or mps
        resume: continue an interrupted training, with the same result as an uninterrupted one
        overwrite: replace the training in --out

    Returns:
        The output folder.

    Raises:
        TransNetError: something is missing, broken or contradictory; the message says what.

    Example:
        >>> encoder = transnet.pretrain(
        ...     "synthetic:6",
        ...     out="encoder",
        ...     backbone="test_efficientnet.r160_in1k",
        ...     weights="none",
        ...     training=PretrainingConfig(size=64, epochs=1, workers=0),
        ... )
        >>> (encoder / "encoder.safetensors").exists()  # for transnet.train(..., weights=encoder)
        True
    """
    from transnet.training.pretrain_run import pretrain_run

    run = Path(out).expanduser()
    with only_writer(run):
        return pretrain_run(
            data,
            run,
            backbone=backbone,
            weights=weights,
            training=training,
            device=device,
            resume=resume,
            overwrite=overwrite,
        )
