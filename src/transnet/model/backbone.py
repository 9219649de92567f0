"""Any image network of ``timm`` without its classifier, as the encoder of a frame."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any, NamedTuple

import timm
import torch
from torch import Tensor, nn
from torch.nn import functional

from transnet.errors import TransNetError
from transnet.model.encoder import Encoder
from transnet.model.own_parts import OwnNetwork, find_backbone, is_own

ARGUMENTS = frozenset(
    {
        *("act_layer", "aa_layer", "norm_layer", "norm_eps", "bn_eps", "bn_momentum", "pad_type"),
        *("drop_rate", "drop_path_rate", "drop_block_rate", "global_pool", "output_stride"),
        *("img_size", "patch_size", "window_size", "dynamic_img_size", "dynamic_img_pad"),
        *("class_token", "reg_tokens", "no_embed_class", "init_values", "qkv_bias", "qk_norm"),
        *("pre_norm", "final_norm", "fc_norm", "num_classes", "stem_type", "stem_width"),
        *("round_chs_fn", "fix_stem", "channel_multiplier", "channel_divisor", "mlp_ratio"),
    }
)
"""Arguments of ``timm.create_model`` that shape a network. All others are refused: a file names
them, and some make ``timm`` open any file (``checkpoint_path``) or address (``pretrained_cfg``)."""

_MAX_ARGUMENT = 1e5
Engine = Callable[[Tensor], tuple[Tensor, ...]]
"""A backbone in another runtime: from frames to its maps."""


LAST_CHANNELS, MIDDLE_CHANNELS, FINE_CHANNELS = 256, 128, 64
"""Channels of each map that motion is computed from, if it has more. All of them cost a stream
twice as much and tell actions no better: docs/motion.md, "How many channels"."""


class FrameMaps(NamedTuple):
    """Three maps of frames, in the order in which a pass comes to them.

    A runtime that is to give them in this order rearranges each while it is in the processor's
    cache; the last one first costs a stream 2 % in ONNX Runtime.

    Attributes:
        fine: up to :data:`FINE_CHANNELS` channels of the last map at stride 8, means over squares,
            so that it has about as many positions as the middle one; of a vision transformer the
            tokens of a quarter of its blocks.
        middle: up to :data:`MIDDLE_CHANNELS` channels of the last map at stride 16; of a vision
            transformer the tokens of its middle block.
        last: the last map, ``(N, C, h, w)``.
    """

    fine: Tensor
    middle: Tensor
    last: Tensor


class Backbone(Encoder):
    """A ``timm`` model up to its last feature map.

    Args:
        name: model name of ``timm``, with or without a tag (``mobilenetv1_100``,
            ``vit_small_patch14_dinov2.lvd142m``).
        size: height and width of the frames, in pixels.
        args: additional arguments of ``timm.create_model``.
        inner: whether :meth:`maps` will be called, so that other runtimes compute its maps too.
        pretrained: load the weights of ``timm``, from its hub or the copy that its client keeps.

    Attributes:
        channels: channels C of the feature map.
        grid: its height and width, ``(h, w)``; ``None`` for a network without a map, which has
            pooled features only. The patches of a vision transformer are a map.
        local_channels: the channels that differ from position to position: all but those of a class
            token.
        engine: the other runtime that computes the maps where no gradients are required, if any.

    Raises:
        TransNetError: ``timm`` has no such model, the model rejects the size, or its weights
            cannot be fetched.
    """

    def __init__(
        self,
        name: str,
        *,
        size: int = 224,
        args: dict[str, Any] | None = None,
        inner: bool = False,
        pretrained: bool = False,
    ) -> None:
        super().__init__(name, args)
        self.size = size
        check_backbone_name(name)
        check_backbone_args(self.args)
        if is_own(name):
            self.network = OwnNetwork(name, size)
        else:
            self.network = _create(name, size, self.args)
            if pretrained:
                self.network = _fetch(name, size, self.args)
        self.engine: Engine | None = None
        self.channels, self.grid = self._probe()
        self.inner = _inner_layers(name, self.network) if inner else None

    def forward(self, frames: Tensor, *, with_inner: bool = False) -> Any:
        """Normalized frames ``(N, 3, H, W)`` to feature maps ``(N, C, h, w)``.

        A network without a map returns its pooled features as a map of one position. With
        ``with_inner`` it returns all maps, see :meth:`maps`.
        """
        if self.engine is not None and not torch.is_grad_enabled():
            maps = self.engine(frames)
        else:
            maps = self.in_pytorch(frames)
        return maps if with_inner else maps[-1]

    def maps(self, frames: Tensor) -> FrameMaps:
        """Normalized frames ``(N, 3, H, W)`` to their last map and two inner ones."""
        return FrameMaps(*self(frames, with_inner=True))

    def in_pytorch(self, frames: Tensor) -> tuple[Tensor, ...]:
        """The last map or, with ``inner``, all of :class:`FrameMaps`, whatever the runtime is."""
        if self.inner is None:
            return (self._last_map(self.network.forward_features(frames)),)
        features, maps = self.network.forward_intermediates(frames, indices=list(self.inner))
        fine, middle = maps[0], maps[-1]
        # Pooled first: less to rearrange, where a runtime keeps blocks of channels.
        fine = functional.avg_pool2d(fine, max(1, round(fine.shape[3] / middle.shape[3])))
        return FrameMaps(
            some_channels(fine, FINE_CHANNELS),
            some_channels(middle, MIDDLE_CHANNELS),
            self._last_map(features),
        )

    def _last_map(self, features: Tensor) -> Tensor:
        if features.ndim != 4:
            tokens = _map_of_tokens(self.network, features)
            if tokens is not None:
                return tokens
            return self.network.forward_head(features, pre_logits=True)[:, :, None, None]
        width = self.network.num_features
        channels_last = features.shape[3] == width and features.shape[1] != width
        return features.permute(0, 3, 1, 2) if channels_last else features

    def run_in(self, engine: Engine | None = None, *, max_concurrency: int = 1) -> None:
        """Compute the maps in another runtime where no gradients are required.

        The runtime holds a copy of the weights, so they must not change meanwhile.

        Args:
            engine: function from frames to the maps of :meth:`in_pytorch`; ``None``: PyTorch.
            max_concurrency: number of threads that should call it at the same time.
        """
        self.engine, self.max_concurrency = engine, max_concurrency

    @torch.no_grad()
    def _probe(self) -> tuple[int, tuple[int, int] | None]:
        """Run one frame to find the shape of the map and to drop the unused classifier layers."""
        used: set[nn.Module] = set()
        hooks = [
            module.register_forward_hook(lambda module, _input, _output: used.add(module))
            for module in self.network.modules()
        ]
        frame = torch.zeros(1, 3, self.size, self.size)
        training = self.training
        self.eval()
        try:
            features = self.network.forward_features(frame)
            maps = self._last_map(features)
            has_map = features.ndim == 4 or maps.shape[2:].numel() > 1
        except (AssertionError, AttributeError, RuntimeError, TypeError, ValueError) as error:
            raise TransNetError(
                f"backbone {self.name!r} does not take frames of {self.size} x {self.size} pixels "
                f"({error}); set size to the one that it was made for."
            ) from error
        finally:
            for hook in hooks:
                hook.remove()
        for name, child in list(self.network.named_children()):
            if used.isdisjoint(child.modules()) and any(True for _ in child.parameters()):
                self._drop_if_unneeded(name, child, frame, maps)
        self.train(training)
        channels = maps.shape[1]
        is_doubled = features.ndim == 3 and has_map and channels == 2 * features.shape[2]
        self.local_channels = channels // 2 if is_doubled else channels
        if features.ndim == 3 and has_map:
            self.reading = ("tokens",)
        return channels, (maps.shape[2], maps.shape[3]) if has_map else None

    def _drop_if_unneeded(self, name: str, child: nn.Module, frame: Tensor, maps: Tensor) -> None:
        setattr(self.network, name, nn.Identity())
        try:
            found = self._last_map(self.network.forward_features(frame))
            needed = not torch.equal(found, maps)
        except (AttributeError, RuntimeError, TypeError):  # used, but not by calling it
            needed = True
        if needed:
            setattr(self.network, name, child)


def some_channels(maps: Tensor, most: int) -> Tensor:
    """At most so many channels of maps ``(N, C, h, w)``, evenly chosen.

    The first ones would cost less, and tell less: of 512 middle channels of MobileNetV1, the first
    128 are right for 86 % of four UCF101 classes, 128 evenly chosen for 94, all of them for 93.
    """
    every = -(-maps.shape[1] // most)
    if every == 1:
        return maps
    # Half the time of a slice with a step, in OpenVINO.
    return maps.index_select(1, torch.arange(0, maps.shape[1], every, device=maps.device))


def _map_of_tokens(network: Any, tokens: Tensor) -> Tensor | None:
    """The tokens of a vision transformer ``(N, P, C)`` as a map.

    Its channels are those of the patch at each position and, at every position the same, those of
    the class token, if there is one: their means over positions are the mean of the patches and the
    class token, as DINOv2 (Oquab et al., 2023) is evaluated. ``None``: the network has no patches.
    """
    height, width = getattr(getattr(network, "patch_embed", None), "grid_size", None) or (0, 0)
    first = getattr(network, "num_prefix_tokens", 0)
    if tokens.ndim != 3 or height * width == 0 or tokens.shape[1] != first + height * width:
        return None
    normalize = getattr(network, "fc_norm", None)
    if normalize is not None:
        tokens = normalize(tokens)
    maps = tokens[:, first:].transpose(1, 2).unflatten(2, (height, width))
    if getattr(network, "cls_token", None) is None:
        return maps
    return torch.cat([maps, tokens[:, 0, :, None, None].expand_as(maps)], dim=1)


def _inner_layers(name: str, network: Any) -> tuple[int, int]:
    """The layers whose maps are :attr:`FrameMaps.fine` and :attr:`FrameMaps.middle`.

    Raises:
        TransNetError: the network does not give its inner maps.
    """
    strides = [layer["reduction"] for layer in getattr(network, "feature_info", None) or ()]
    if not hasattr(network, "forward_intermediates") or not strides:
        raise TransNetError(
            f"backbone {name!r} does not give its inner maps, which motion is computed from; "
            "accepted: cues 'appearance', or another backbone."
        )

    last_of = {stride: layer for layer, stride in enumerate(strides)}
    if len(last_of) == 1:  # a vision transformer
        last_of = {}
    middle = last_of.get(16, len(strides) // 2)
    return last_of.get(8, middle // 2), middle


def _create(name: str, size: int, args: dict[str, Any], *, pretrained: bool = False) -> Any:
    base = {**args, "pretrained": pretrained, "num_classes": 0}
    # Networks with position embeddings take the size; the others have no such argument.
    sizes: tuple[dict[str, Any], ...] = ({"img_size": size}, {})
    for extra in sizes:
        try:
            return timm.create_model(name, **base, **extra)
        except (ArithmeticError, AssertionError, AttributeError, ImportError) as error:
            raise _rejected(name, args, error) from error
        except (LookupError, MemoryError, RuntimeError, ValueError) as error:
            raise _rejected(name, args, error) from error
        except TypeError as error:
            failure = error
    raise _rejected(name, args, failure)


def _fetch(name: str, size: int, args: dict[str, Any]) -> Any:
    try:
        return _create(name, size, args, pretrained=True)
    except Exception as error:  # the hub's client has no common base for "cannot be reached"
        raise TransNetError(
            f"pretrained is True, but the weights of {name!r} could not be fetched "
            f"({type(error.__cause__ or error).__name__}); accepted: pretrained=False, or a "
            "machine with a network."
        ) from error


def _rejected(name: str, args: dict[str, Any], error: Exception) -> TransNetError:
    return TransNetError(f"backbone {name!r} rejects the arguments {args}: {error}.")


def check_backbone_args(args: object) -> None:
    """Check that arguments are among :data:`ARGUMENTS`, with plain values.

    Raises:
        TransNetError: they are not.
    """
    if not isinstance(args, dict):
        raise TransNetError(
            f"the arguments of the backbone are {str(args)[:80]!r}; accepted: names and values, "
            'such as {"bn_eps": 0.001}.'
        )
    for name, value in args.items():
        if name not in ARGUMENTS or not _is_plain(value):
            raise TransNetError(
                f"the backbone has the argument {str(name)[:80]!r} = {str(value)[:80]!r}; "
                f"accepted: numbers, text or true and false for {', '.join(sorted(ARGUMENTS))}."
            )


def _is_plain(value: object) -> bool:
    """Whether a value is a short text, a number of ordinary size, or a short list of those."""
    if isinstance(value, list | tuple):
        return (
            len(value) <= 16
            and all(not isinstance(v, list | tuple) for v in value)
            and all(map(_is_plain, value))
        )
    if isinstance(value, int | float):
        return -_MAX_ARGUMENT <= value <= _MAX_ARGUMENT
    return value is None or (isinstance(value, str) and len(value) <= 80)


def check_backbone_name(name: str) -> None:
    """Check that ``timm`` has a model of this name, and pretrained weights of its tag, if any.

    Raises:
        TransNetError: it has not; or it is the name of a part that a user has to register.
    """
    if is_own(name):
        find_backbone(name)
        return
    if not isinstance(name, str) or not timm.is_model(name):
        name = str(name)[:200]
        near = difflib.get_close_matches(name, timm.list_models(), n=3, cutoff=0.5)
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        raise TransNetError(
            f"backbone is {name!r}; accepted: any model name of timm "
            f"(python -c 'import timm; print(timm.list_models())').{hint}"
        )
    try:
        timm.get_pretrained_cfg(name)
    except RuntimeError:
        tagged = timm.list_models(f"{name.partition('.')[0]}.*", pretrained=True)
        raise TransNetError(
            f"backbone is {name!r}, but timm has no weights with this tag; accepted: "
            f"{', '.join(tagged) or name.partition('.')[0]}."
        ) from None
