"""A network as ONNX graphs: the encoder of a frame, the motion of a pair, the head, all in one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from transnet.model.backbone import FrameMaps
from transnet.model.motion import MotionMaps, motion_maps
from transnet.model.normalization import Normalization
from transnet.model.novelty import (
    NoveltyDetector,
    describe_frames,
    mean_maps,
    nearest_distance,
)
from transnet.model.transnet import TransNet
from transnet.runtimes.onnx_graph import to_onnx

if TYPE_CHECKING:
    import onnx


class FrameEncoder(nn.Module):
    """uint8 RGB frames ``(B, H, W, 3)`` to features ``(B, L)``, normalization included.

    With motion, also to the numbers of all their maps, ``(B, Q)``; without appearance, no features.
    If it is to tell what is unknown, also to the means of their last maps, ``(B, D)``.
    Its input is what decoders return, so that users need not know the normalization.

    Attributes:
        outputs: their names.
    """

    def __init__(
        self,
        model: TransNet,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        *,
        with_means: bool = False,
    ) -> None:
        super().__init__()
        self.spatial = model.spatial
        self.normalization = Normalization(mean, std)
        wanted = {
            "features": "appearance" in model.cues,
            "maps": model.has_motion,
            "means": with_means,
        }
        self.outputs = [name for name, is_wanted in wanted.items() if is_wanted]

    def forward(self, frames: Tensor) -> tuple[Tensor, ...]:
        pixels = self.normalization(frames)
        maps = self.spatial.backbone.maps(pixels) if "maps" in self.outputs else None
        encoded = self.spatial.pool(maps.last) if maps else self.spatial.encode(pixels)
        found = {"means": mean_maps(encoded[None])[0]}
        if "features" in self.outputs:
            found["features"] = self.spatial.readout(encoded)
        if maps:
            found["maps"] = torch.cat([each.flatten(1) for each in maps], dim=1)
        return tuple(found[name] for name in self.outputs)


class MotionOfMaps(nn.Module):
    """Maps ``(N, Q)`` of N earlier and N later frames to the terms of their pairs, ``(N, P)``."""

    def __init__(self, model: TransNet) -> None:
        super().__init__()
        self.model = model

    def forward(self, earlier: Tensor, later: Tensor) -> Tensor:
        return self.model.pair_terms(self._maps(earlier), self._maps(later))

    def _maps(self, numbers: Tensor) -> MotionMaps:
        shapes = self.model.pair_motion.shapes
        maps = numbers.split([shape.numel() for shape in shapes], dim=1)
        return motion_maps(
            FrameMaps(*(each.unflatten(1, shape) for each, shape in zip(maps, shapes, strict=True)))
        )


class Head(nn.Module):
    """Features ``(B, n, L)`` and pairs ``(B, n-1, P)`` to probabilities and logits, ``(B, C)``.

    Each input is there if its cues are.
    """

    def __init__(self, model: TransNet) -> None:
        super().__init__()
        self.model = model

    def forward(self, first: Tensor, second: Tensor | None = None) -> tuple[Tensor, Tensor]:
        logits, pairs = {}, first if second is None else second
        if "appearance" in self.model.cues:
            logits["appearance"] = self.model.temporal(first)
        if self.model.has_motion:
            logits |= self.model.motion_logits(pairs)
        scoring = self.model.scoring
        joined = scoring.join(logits) / self.model.temperature
        return scoring.probabilities(joined), joined


class Distances(nn.Module):
    """Means of the maps of n frames ``(B, n, D)`` to the distance to the nearest training clip."""

    references: Tensor

    def __init__(self, novelty: NoveltyDetector) -> None:
        super().__init__()
        self.register_buffer("references", novelty.references)

    def forward(self, means: Tensor) -> Tensor:
        return nearest_distance(describe_frames(means), self.references)


class Shapes(NamedTuple):
    """The sizes that connect the graphs of an export.

    Attributes:
        num_frames: frames per clip, n.
        size: height and width of a frame.
        features: length of a frame's features, L; 0 without appearance.
        maps: numbers Q in the maps of a frame that motion is computed from; 0 without motion.
        pairs: length of a pair's terms, P; 0 without motion.
        means: channels D of a frame's last map; 0 where nothing is told unknown.
    """

    num_frames: int
    size: int
    features: int
    maps: int
    pairs: int
    means: int = 0


def shapes_of(model: TransNet, size: int, novelty: NoveltyDetector | None = None) -> Shapes:
    """The sizes of a network's graphs."""
    features = model.spatial.readout.dense.out_features if "appearance" in model.cues else 0
    maps = pairs = 0
    if model.has_motion:
        maps = sum(shape.numel() for shape in model.pair_motion.shapes)
        pairs = sum(head.dense.out_features for head in model.pair_heads.values())
    means = novelty.references.shape[1] if novelty else 0
    return Shapes(model.num_frames, size, features, maps, pairs, means)


def encoder_graph(
    model: TransNet,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    size: int,
    *,
    with_means: bool = False,
) -> onnx.ModelProto:
    """``frames`` uint8 ``(B, size, size, 3)`` to the outputs of :class:`FrameEncoder`.

    Raises:
        TransNetError: the backbone has operations that ONNX lacks.
    """
    frames = torch.zeros(2, size, size, 3, dtype=torch.uint8)
    encoder = FrameEncoder(model, mean, std, with_means=with_means)
    what = f"backbone {model.spatial.backbone.name}"
    return to_onnx(encoder, {"frames": frames}, encoder.outputs, what)


def novelty_graph(novelty: NoveltyDetector, shapes: Shapes) -> onnx.ModelProto:
    """``means`` ``(B, n, D)`` to ``distances`` ``(B,)``, 0 to 2."""
    examples = {"means": torch.rand(2, shapes.num_frames, shapes.means)}
    return to_onnx(Distances(novelty), examples, ["distances"], "the distance to training clips")


def motion_graph(model: TransNet, shapes: Shapes) -> onnx.ModelProto:
    """``earlier`` and ``later`` maps of N pairs of frames to ``pairs`` ``(N, P)``."""
    examples = {name: torch.rand(2, shapes.maps) for name in ("earlier", "later")}
    return to_onnx(MotionOfMaps(model), examples, ["pairs"], "the motion")


def head_graph(model: TransNet, shapes: Shapes) -> onnx.ModelProto:
    """``features`` ``(B, n, L)``, ``pairs`` ``(B, n-1, P)`` to ``probabilities``, ``logits``."""
    n, examples = shapes.num_frames, {}
    if shapes.features:
        examples["features"] = torch.zeros(2, n, shapes.features)
    if shapes.pairs:
        examples["pairs"] = torch.zeros(2, n - 1, shapes.pairs)
    return to_onnx(Head(model), examples, ["probabilities", "logits"], "the temporal part")


def clip_graph(
    encoder: onnx.ModelProto,
    motion: onnx.ModelProto | None,
    head: onnx.ModelProto,
    shapes: Shapes,
    novelty: onnx.ModelProto | None = None,
) -> onnx.ModelProto:
    """All in one: ``clips`` uint8 ``(B, n, size, size, 3)`` to the outputs of the head.

    And, last, the ``distances`` to the training clips.
    """
    import onnx  # part of the extra [export]

    model = _append(_frames_of_clips(encoder, shapes), encoder, "encoder/")
    if motion is not None:
        model = _append(model, _neighbors(encoder, shapes), "neighbors/")
        model = _append(model, motion, "motion/")
    windows = _windows(encoder, shapes)
    model = _append(model, windows, "windows/")
    model = _append(model, head, "head/", prefix="window_")
    if novelty is not None:
        model = _append(model, novelty, "novelty/", prefix="window_")
    onnx.checker.check_model(model)
    return model


def _append(
    first: onnx.ModelProto, second: onnx.ModelProto, name: str, prefix: str = ""
) -> onnx.ModelProto:
    """Feed each input of a graph from the output of its name, behind ``prefix``."""
    import onnx
    from onnx import compose

    second = onnx.ModelProto.FromString(second.SerializeToString())
    # Each graph calls its own number of rows "batch"; frames, pairs and clips are not equal.
    del second.graph.value_info[:]
    second.ir_version = first.ir_version
    del second.opset_import[:]
    second.opset_import.extend(first.opset_import)
    inputs = [each.name for each in second.graph.input]
    # Inner names must differ; the names that users see stay.
    second = compose.add_prefix(second, name, rename_inputs=True, rename_outputs=False)
    io_map = [(f"{prefix}{each}", f"{name}{each}") for each in inputs]
    return compose.merge_models(first, second, io_map=io_map)


def _frames_of_clips(like: onnx.ModelProto, shapes: Shapes) -> onnx.ModelProto:
    """``clips`` to their ``frames``, one after the other."""
    frame = f"{shapes.size}, {shapes.size}, 3"
    return _parse(
        like,
        f"""split (uint8[batch, {shapes.num_frames}, {frame}] clips)
        => (uint8[frame, {frame}] frames) {{
            to_frames = Constant <value_ints = [-1, {frame}]> ()
            frames = Reshape (clips, to_frames)
        }}""",
    )


def _neighbors(like: onnx.ModelProto, shapes: Shapes) -> onnx.ModelProto:
    """The ``maps`` of all frames to those of the ``earlier`` and ``later`` frame of each pair."""
    n, each = shapes.num_frames, shapes.maps
    return _parse(
        like,
        f"""neighbors (float[frame, {each}] maps)
        => (float[pair, {each}] earlier, float[pair, {each}] later) {{
            to_clips = Constant <value_ints = [-1, {n}, {each}]> ()
            to_maps = Constant <value_ints = [-1, {each}]> ()
            zero = Constant <value_ints = [0]> ()
            one = Constant <value_ints = [1]> ()
            last = Constant <value_ints = [{n - 1}]> ()
            end = Constant <value_ints = [{n}]> ()
            of_clips = Reshape (maps, to_clips)
            before = Slice (of_clips, zero, last, one)
            after = Slice (of_clips, one, end, one)
            earlier = Reshape (before, to_maps)
            later = Reshape (after, to_maps)
        }}""",
    )


def _windows(like: onnx.ModelProto, shapes: Shapes) -> onnx.ModelProto:
    """The features and means of all frames, and the terms of all pairs, by clip."""
    n, inputs, outputs, lines = shapes.num_frames, [], [], []
    for name, steps, width in (
        ("features", n, shapes.features),
        ("pairs", n - 1, shapes.pairs),
        ("means", n, shapes.means),
    ):
        if width:
            inputs.append(f"float[{name}_count, {width}] {name}")
            outputs.append(f"float[batch, {steps}, {width}] window_{name}")
            lines.append(f"to_{name} = Constant <value_ints = [-1, {steps}, {width}]> ()")
            lines.append(f"window_{name} = Reshape ({name}, to_{name})")
    body = "\n".join(lines)
    return _parse(like, f"windows ({', '.join(inputs)}) => ({', '.join(outputs)}) {{ {body} }}")


def _parse(like: onnx.ModelProto, text: str) -> onnx.ModelProto:
    """A graph of the version and the operator sets of another one."""
    from onnx import parser

    opsets = ", ".join(f'"{entry.domain}" : {entry.version}' for entry in like.opset_import)
    return parser.parse_model(f"<ir_version: {like.ir_version}, opset_import: [{opsets}]> {text}")
