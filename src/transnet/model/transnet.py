"""TransNet (Alomar and Cai, 2023): a 2D backbone on each frame, 1D convolutions over time."""

from __future__ import annotations

from typing import Any, NamedTuple, get_args

import torch
from torch import Tensor, nn

from transnet.config import Cues, Temporal
from transnet.config import Readout as ReadoutKind
from transnet.errors import TransNetError
from transnet.model.backbone import Backbone, FrameMaps
from transnet.model.cues import CUES_OF, PairHead
from transnet.model.encoded import Encoded
from transnet.model.motion import MotionMaps, PairMotion, motion_maps
from transnet.model.novelty import mean_maps
from transnet.model.own_parts import TemporalFactory, find_temporal, is_own
from transnet.model.readout import Readout
from transnet.model.scoring import scoring_of
from transnet.model.temporal_kinds import TemporalPart, temporal_part

_NEIGHBORS = slice(None, -1), slice(1, None)


class FrameTerms(NamedTuple):
    """What a stream keeps of frames.

    Attributes:
        terms: what the heads need of each frame, ``(N, F)``.
        maps: what the motion of its pairs is computed from, if motion is among the cues.
        means: the mean of each frame's last map, ``(N, D)``, which tells what is unknown.
    """

    terms: Tensor
    maps: MotionMaps | None
    means: Tensor

    def of_frame(self, index: int) -> FrameTerms:
        """A copy of one frame's, as a batch of 1, which keeps nothing of the others alive."""
        part = slice(index, index + 1)
        maps = self.maps and MotionMaps(*(values[part].clone() for values in self.maps))
        return FrameTerms(self.terms[part].clone(), maps, self.means[part].clone())


class TransNet(nn.Module):
    """The network of the paper: ``logits = temporal(spatial(x_1), ..., spatial(x_n))``.

    Attributes:
        temperature: logits are divided by it, see :mod:`transnet.model.temperature`; 1 in training.
        scoring: what the logits mean, see :mod:`transnet.model.scoring`.

    Args:
        backbone: name of a ``timm`` model, or of a backbone of
            :func:`~transnet.model.own_parts.register_backbone`.
        num_classes: number of classes, C.
        num_frames: frames per clip, n, 2 or more (paper: 12).
        features: length of one frame's feature vector, L (paper: 64).
        filters: filters of the first temporal convolution, K (paper: 64).
        temporal: ``conv1d`` (the paper), one of :mod:`transnet.model.baselines`, or a factory of
            your own, see :func:`~transnet.model.own_parts.register_temporal`.
        readout: ``flatten`` (the paper) or ``pool``, see :class:`Readout`.
        cues: ``appearance`` (the paper), ``motion`` or ``both``, see :mod:`transnet.model.cues`.
        size: height and width of a frame in pixels (paper: 224).
        dropout: share of a frame's features dropped before the dense layer, in training only.
        joint: whether the backbone is trained too, see
            :class:`~transnet.model.temporal.TemporalConvolutions`.
        backbone_args: additional arguments of ``timm.create_model``.
        several_labels: whether a clip may show several classes at once.
        pretrained: load the weights of ``timm`` into the backbone; by default they are random.
            Frames must be normalized as ``backbone.network.pretrained_cfg`` says (``transnet.load``
            returns a trained network with everything).

    Raises:
        TransNetError: an argument is not one of those accepted, they do not fit together, or the
            weights cannot be fetched.

    Example:
        >>> model = TransNet("test_resnet.r160_in1k", num_classes=6, size=64, readout="pool")
        >>> model(torch.zeros(2, 12, 3, 64, 64)).shape
        torch.Size([2, 6])
    """

    memory_format = torch.channels_last  # the fastest one
    temporal: TemporalPart

    def __init__(
        self,
        backbone: str,
        num_classes: int,
        *,
        num_frames: int = 12,
        features: int = 64,
        filters: int = 64,
        temporal: Temporal | TemporalFactory = "conv1d",
        readout: ReadoutKind = "flatten",
        cues: Cues = "appearance",
        size: int = 224,
        dropout: float = 0.0,
        joint: bool = False,
        backbone_args: dict[str, Any] | None = None,
        several_labels: bool = False,
        pretrained: bool = False,
    ) -> None:
        super().__init__()
        kind: Any = temporal
        if is_own(kind):
            kind = find_temporal(kind)
        if not callable(kind):
            _require("temporal", kind, get_args(Temporal))
        _require("readout", readout, get_args(ReadoutKind))
        _require("cues", cues, get_args(Cues))
        self.num_frames, self.temperature = num_frames, 1.0
        self.scoring = scoring_of(several_labels, num_classes)
        self.cues = CUES_OF[cues]
        has_motion = "flow" in self.cues
        encoder = Backbone(
            backbone, size=size, args=backbone_args, inner=has_motion, pretrained=pretrained
        )

        def temporal_of(inputs: int, *, of_pairs: bool = False) -> TemporalPart:
            sizes = (num_frames, inputs, filters, num_classes)
            return temporal_part(kind, *sizes, joint, of_pairs=of_pairs)

        appearance = "appearance" in self.cues
        self.spatial = Spatial(encoder, features, readout, dropout, appearance=appearance)
        if appearance:
            self.temporal = temporal_of(features)
        if has_motion:
            self.pair_motion = PairMotion(_maps_of_any_frame(encoder))
            self.motion = nn.ModuleDict(
                {
                    cue: PairHead(inputs, features, temporal_of(features, of_pairs=True), dropout)
                    for cue, inputs in self.pair_motion.lengths.items()
                }
            )

    @property
    def backbone(self) -> Backbone:
        """The image network in the 2D component."""
        return self.spatial.backbone

    @property
    def pair_heads(self) -> dict[str, PairHead]:
        """The head of each cue that is computed from pairs of frames."""
        heads = self.motion.items() if self.has_motion else ()
        return {cue: head for cue, head in heads if isinstance(head, PairHead)}

    @property
    def feature_kind(self) -> str:
        """What :meth:`encode` returns for a frame: ``pool`` (a vector) or ``flatten`` (a map)."""
        return self.spatial.kind

    @property
    def has_motion(self) -> bool:
        """Whether motion is among the cues."""
        return "flow" in self.cues

    def forward(self, clips: Tensor) -> Tensor:
        """Normalized clips ``(B, T, 3, H, W)`` to logits ``(B, C)``."""
        return self.scoring.join(self.cue_logits(self.encode_cues(clips))) / self.temperature

    def encode(self, clips: Tensor) -> Tensor:
        """Clips ``(B, T, 3, H, W)`` to the readout's input for each frame, ``(B, T, ...)``.

        With a frozen backbone the result never changes, so it can be cached.
        """
        return self.encode_cues(clips).frames

    def classify(self, frames: Tensor, pairs: Tensor | None = None) -> Tensor:
        """What :meth:`encode_cues` returns to logits ``(B, C)``.

        Args:
            frames: the readout's input for each frame, ``(B, T, ...)``.
            pairs: motion vectors ``(B, T-1, M)``, if motion is among the cues.
        """
        encoded = Encoded(frames, frames if pairs is None else pairs)
        return self.scoring.join(self.cue_logits(encoded)) / self.temperature

    def encode_cues(self, clips: Tensor) -> Encoded:
        """The part that a frozen backbone computes of clips ``(B, T, 3, H, W)``."""
        if clips.shape[1] != self.num_frames:
            raise TransNetError(f"a clip has {clips.shape[1]} frames; accepted: {self.num_frames}.")
        shape = clips.shape[:2]
        if not self.has_motion:
            frames = self.spatial.encode(clips.flatten(0, 1)).unflatten(0, shape)
            return Encoded(frames, frames.new_empty(shape[0], shape[1] - 1, 0))
        maps = self.backbone.maps(clips.flatten(0, 1))
        with torch.no_grad():  # motion has no parameters to train
            pairs = self._motion_of_clips(motion_maps(maps), shape)
        return Encoded(self.spatial.pool(maps.last).unflatten(0, shape), pairs)

    def cue_logits(self, encoded: Encoded) -> dict[str, Tensor]:
        """The output of :meth:`encode_cues` to the logits ``(B, C)`` of each cue."""
        logits = {}
        if "appearance" in self.cues:
            shape = encoded.frames.shape[:2]
            features = self.spatial.readout(encoded.frames.flatten(0, 1)).unflatten(0, shape)
            logits["appearance"] = self.temporal(features)
        if self.has_motion:
            for cue, motion in self.pair_motion.split(encoded.pairs).items():
                logits[cue] = self.pair_heads[cue](motion)
        return logits

    def frame_terms(self, frames: Tensor) -> FrameTerms:
        """Normalized frames ``(N, 3, H, W)`` to what a stream keeps of them."""
        maps = self.backbone.maps(frames) if self.has_motion else None
        encoded = self.spatial.pool(maps.last) if maps else self.spatial.encode(frames)
        terms = frames.new_empty(len(frames), 0)
        if "appearance" in self.cues:
            terms = self.temporal.frame_terms(self.spatial.readout(encoded))
        return FrameTerms(terms, maps and motion_maps(maps), mean_maps(encoded[None])[0])

    def join(self, logits: Tensor) -> Tensor:
        """The logits of all cues, ``(B, Q, C)``, to those of the clip, ``(B, C)``."""
        return self.scoring.join_stacked(logits, self.cues) / self.temperature

    def flow_of_clip(self, clip: Tensor) -> Tensor:
        """What moves between neighbors of a clip ``(n, 3, H, W)``, ``(n-1, 2, P, Q)``."""
        maps = motion_maps(self.backbone.maps(clip))
        earlier, later = (MotionMaps(*(v[part] for v in maps)) for part in _NEIGHBORS)
        return self.pair_motion.gated_flow(earlier, later)

    def _motion_of_clips(self, maps: MotionMaps, shape: torch.Size) -> Tensor:
        each = [values.unflatten(0, shape) for values in maps]
        earlier = MotionMaps(*(values[:, :-1].flatten(0, 1) for values in each))
        later = MotionMaps(*(values[:, 1:].flatten(0, 1) for values in each))
        return self.pair_motion(earlier, later).unflatten(0, (shape[0], shape[1] - 1))


@torch.no_grad()
def _maps_of_any_frame(backbone: Backbone) -> FrameMaps:
    training = backbone.training
    maps = backbone.eval().maps(torch.zeros(1, 3, backbone.size, backbone.size))
    backbone.train(training)
    return maps


def _require(argument: str, value: str, accepted: tuple[str, ...]) -> None:
    if value not in accepted:
        raise TransNetError(f"{argument} is {value!r}; accepted: {', '.join(accepted)}.")


class Spatial(nn.Module):
    """The 2D component: z_i = p(x_i), frames ``(N, 3, H, W)`` to their features ``(N, L)``."""

    def __init__(
        self,
        backbone: Backbone,
        features: int,
        readout: str,
        dropout: float,
        *,
        appearance: bool = True,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.kind = readout
        if appearance:
            self.readout = Readout(backbone, features, readout, dropout)

    def forward(self, frames: Tensor) -> Tensor:
        return self.readout(self.encode(frames))

    def encode(self, frames: Tensor) -> Tensor:
        """Frames ``(N, 3, H, W)`` to maps ``(N, C, h, w)``, or to their means ``(N, C)``."""
        return self.pool(self.backbone(frames))

    def pool(self, maps: Tensor) -> Tensor:
        """The last maps of frames ``(N, C, h, w)`` to the readout's input."""
        return maps if self.kind == "flatten" else maps.mean(dim=(2, 3))


def count_parameters(module: nn.Module) -> int:
    """Number of parameters and batch norm statistics, counted as in Keras and in Table I."""
    statistics = (b for name, b in module.named_buffers() if name.endswith(("_mean", "_var")))
    return sum(p.numel() for p in (*module.parameters(), *statistics))
