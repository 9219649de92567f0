"""The graphs of an export joined: a model of clips, and one of the frames of a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from transnet.deploy.export_info import EARLIER
from transnet.deploy.graphs import LATER, MAPS, Graphs, Shapes

if TYPE_CHECKING:
    import onnx


def frame_graph(graphs: Graphs) -> onnx.ModelProto:
    """The encoder and, with motion, the motion from an earlier frame, in one pass.

    With motion it also takes the maps of the earlier frames, ``earlier_last`` and so on, and gives
    ``pairs`` ``(B, P)``.
    """
    from onnx import compose

    encoder, motion = graphs.encoder, graphs.motion
    if motion is None:
        return encoder
    motion = compose.add_prefix(
        _like(encoder, motion), "motion/", rename_inputs=False, rename_outputs=False
    )
    # OpenVINO computes the outputs in their order: with the pairs first, each map is read while it
    # is in the processor's cache.
    outputs = {each.name: each for each in (*motion.graph.output, *encoder.graph.output)}
    joined = compose.merge_models(
        encoder, motion, io_map=[(name, LATER + name) for name in MAPS], outputs=[*outputs]
    )
    del joined.graph.value_info[:]
    del joined.graph.output[:]
    joined.graph.output.extend(outputs.values())
    return joined


def clip_graph(graphs: Graphs) -> onnx.ModelProto:
    """All in one: ``clips`` uint8 ``(B, n, size, size, 3)`` to the outputs of the head.

    And, last, the ``distances`` to the training clips.
    """
    import onnx  # part of the extra [export]

    encoder, motion, head, novelty, shapes = graphs
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
    from onnx import compose

    inputs = [each.name for each in second.graph.input]
    # Inner names must differ; the names that users see stay.
    second = compose.add_prefix(_like(first, second), name, rename_outputs=False)
    io_map = [(f"{prefix}{each}", f"{name}{each}") for each in inputs]
    joined = compose.merge_models(first, second, io_map=io_map)
    # Each graph calls its own number of rows "batch"; frames, pairs and clips are not equal.
    del joined.graph.value_info[:]
    return joined


def _like(first: onnx.ModelProto, second: onnx.ModelProto) -> onnx.ModelProto:
    """A copy of a graph, of the version and the operator sets of another one."""
    import onnx

    copy = onnx.ModelProto.FromString(second.SerializeToString())
    copy.ir_version = first.ir_version
    del copy.opset_import[:]
    copy.opset_import.extend(first.opset_import)
    return copy


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
    """The maps of all frames to those of the earlier and of the later frame of each pair."""
    n, inputs, outputs, lines = shapes.num_frames, [], [], []
    for name, shape in zip(MAPS, shapes.maps, strict=True):
        size = ", ".join(map(str, shape))
        inputs.append(f"float[frame, {size}] {name}")
        outputs += [f"float[pair, {size}] {when}{name}" for when in (EARLIER, LATER)]
        lines.append(
            f"""to_clips_{name} = Constant <value_ints = [-1, {n}, {size}]> ()
            to_pairs_{name} = Constant <value_ints = [-1, {size}]> ()
            clips_{name} = Reshape ({name}, to_clips_{name})
            before_{name} = Slice (clips_{name}, zero, last_frame, one)
            after_{name} = Slice (clips_{name}, one, end, one)
            {EARLIER}{name} = Reshape (before_{name}, to_pairs_{name})
            {LATER}{name} = Reshape (after_{name}, to_pairs_{name})"""
        )
    return _parse(
        like,
        f"""neighbors ({", ".join(inputs)}) => ({", ".join(outputs)}) {{
            zero = Constant <value_ints = [0]> ()
            one = Constant <value_ints = [1]> ()
            last_frame = Constant <value_ints = [{n - 1}]> ()
            end = Constant <value_ints = [{n}]> ()
            {" ".join(lines)}
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
