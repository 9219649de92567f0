"""``transnet weights``: a weights file that states how it is used."""

from __future__ import annotations

from pathlib import Path

from transnet.errors import TransNetError


def weights(
    file: str,
    *,
    backbone: str,
    out: str,
    mean: str | None = None,
    std: str | None = None,
    pretraining: str = "unknown",
    license: str = "unknown",
) -> Path:
    """Write weights of an image network as a file that train --weights takes without more.

    Args:
        file: weights of any image network of timm: .pth, .pt, .bin or .safetensors, by timm,
            torchvision or torch.save(model.state_dict(), ...); pickled code is not run
        backbone: model name of timm that they are of
        out: the .safetensors file to write
        mean: mean of RGB that frames are normalized by, three numbers in 0..1 separated by commas;
            by default timm's for this network
        std: its standard deviation, likewise
        pretraining: what the weights were trained on, for reports
        license: license of the weights, for reports

    Returns:
        The file.

    Raises:
        TransNetError: the weights cannot be read or do not fit the network.
    """
    import json

    from transnet.checkpoints.backbone_record import check_normalization
    from transnet.checkpoints.plain_weights import read_plain_weights
    from transnet.checkpoints.weights_file import write_weights
    from transnet.utils.progress import say

    source, target = Path(file).expanduser(), Path(out).expanduser()
    if target.suffix != ".safetensors":
        raise TransNetError(f"out is {out!r}; accepted: a name that ends in .safetensors.")
    if not source.is_file():
        raise TransNetError(f"file is {file!r}, which does not exist.")
    record, state = read_plain_weights(source, backbone)
    given = [_numbers("mean", mean), _numbers("std", std)]
    try:
        chosen = check_normalization(given[0] or record.mean, given[1] or record.std)
    except ValueError as error:
        raise TransNetError(f"{error}.") from None
    metadata = {
        "timm_model": record.name,
        "timm_args": json.dumps(record.args),
        "mean": json.dumps(chosen[0]),
        "std": json.dumps(chosen[1]),
        "pretraining": pretraining,
        "license": license,
        "source": source.name,
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    write_weights(target, state, metadata)
    say(
        f"{len(state)} weights of {record.name}, mean {chosen[0]}, standard deviation {chosen[1]}\n"
        f"saved to {target}\nnext: transnet train DATA --weights {target} --out RUN"
    )
    return target


def _numbers(name: str, text: str | None) -> list[float] | None:
    try:
        return None if text is None else [float(part) for part in text.split(",")]
    except ValueError:
        raise TransNetError(
            f"{name} is {text!r}; accepted: three numbers separated by commas, 0.5,0.5,0.5."
        ) from None
