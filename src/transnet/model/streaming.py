"""The network on a stream: the weights of a clip, each frame through the backbone once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from transnet.errors import TransNetError
from transnet.model.motion import MotionMaps
from transnet.model.novelty import NoveltyDetector
from transnet.model.pair_heads import PairHeads
from transnet.model.transnet import FrameTerms, TransNet

# Times are floats: what is due now is not missed by a rounding error.
_GRACE_S = 1e-6
# No camera shows more frames in one step; more come from a clock in the wrong unit.
MAX_FRAMES_PER_STEP = 1000


class Window(NamedTuple):
    """The answer for the n frames that end with the newest.

    Attributes:
        logits: ``(C,)``, equal to those of a clip of the same frames.
        times_s: when each of the n frames was shown, in seconds, never decreasing.
        known: whether it is like the training clips, as far as the stream can tell.
    """

    logits: Tensor
    times_s: tuple[float, ...]
    known: bool


class _Pair(NamedTuple):
    """The earlier frame of a pair, and the terms of the motion from it, ``(1, P)``."""

    partner: _SeenFrame
    terms: Tensor


@dataclass(eq=False)
class _SeenFrame:
    """A frame that is remembered.

    Attributes:
        time_s: when it is shown.
        terms: what the heads need of it, ``(1, F)``.
        maps: what the motion of its pairs is computed from, while a later frame may need it.
        means: the mean of its last map, ``(1, D)``, if it tells what is unknown.
        pair: with motion, the frame one step before it.
        drift_s: by how much its chain of partners reaches back further than by whole steps.
        still: the terms of no motion, if no frame was shown for more than a step before it or after
            it: a window may repeat it.
    """

    time_s: float
    terms: Tensor
    maps: MotionMaps | None
    means: Tensor | None
    pair: _Pair | None = None
    drift_s: float = 0.0
    still: Tensor | None = None


class StreamingTransNet:
    """TransNet on frames that come one by one.

    ::

        frames      . a . . . . b . . . . c . . . . d .
        window now    a ------- b ------- c ------- d         step_s between two of them
        next frame      a'------- b'------- c'------- d'      other frames, all seen before

    The window that ends at time t holds the frames that were shown nearest to t, t - step_s, ...,
    t - (n-1) step_s. Every frame can end a window, so windows overlap at every frame; which two
    frames make a pair differs from one to the next. The first temporal convolution is a sum of
    a term of the earlier frame and one of the later (see
    :meth:`~transnet.model.temporal.TemporalConvolutions.frame_terms`), so each frame passes the
    backbone and that convolution once, on arrival. A window then costs n - 1 additions of K
    numbers, which make its pair features, and the two small layers behind them.

    With motion, a window is a chain: each of its frames follows its partner, one of the two frames
    around one step before it. So each frame is the later one of a single pair, whose motion is
    computed on arrival, once, and a window of the same frames as a clip has the same pairs. Of the
    two frames, that is taken with which the chain keeps to whole steps. Where no frame was shown
    for more than a step, a window repeats the one that was shown nearest, as a clip does.

    Memory: 2K numbers for each frame of the last ``(n-1) * step_s`` seconds, whatever the length
    of the stream; with motion, of the last ``n * step_s`` seconds, and also the maps of each frame
    of the last ``step_s`` seconds.
    Of frames closer than a thousandth of ``step_s``, as a clock in the wrong unit gives, only the
    newest is remembered, so memory is bounded for every clock. The heads of motion are copied.

    Args:
        model: the network, in evaluation mode. After its weights or its device change, call
            :meth:`reset`.
        step_s: seconds between two neighboring frames of a window, above 0.
        novelty: tells windows that are unlike the training clips, for D more numbers a frame;
            ``None``: all count as known.
    """

    def __init__(
        self, model: TransNet, step_s: float, novelty: NoveltyDetector | None = None
    ) -> None:
        if not step_s > 0:
            raise TransNetError(f"step_s is {step_s}; accepted: above 0 seconds.")
        self._model, self._step_s, self._novelty = model, step_s, novelty
        self._heads = self._heads_of_motion()
        self._back_s = step_s * np.arange(model.num_frames - 1, -1, -1)
        self._seen: deque[_SeenFrame] = deque()
        self._spacing_s = step_s / MAX_FRAMES_PER_STEP
        self._began_s = 0.0
        self._still: Tensor | None = None

    @property
    def span_s(self) -> float:
        """Seconds from the first to the last frame of a window."""
        return float(self._back_s[0])

    def __len__(self) -> int:
        """Frames that are remembered."""
        return len(self._seen)

    def reset(self) -> None:
        """Forget every frame: what comes is another video."""
        self._seen.clear()
        self._still, self._heads = None, self._heads_of_motion()

    def _heads_of_motion(self) -> PairHeads | None:
        return PairHeads(self._model.pair_heads) if self._model.has_motion else None

    @torch.inference_mode()
    def push(self, frame: Tensor, time_s: float) -> Window | None:
        """See one more frame.

        Args:
            frame: normalized, ``(3, H, W)``.
            time_s: when it is shown, in seconds; never before the last one. A frame of the same
                time replaces the last one.

        Returns:
            The window that ends with this frame; ``None`` before there are ``span_s`` seconds.

        Raises:
            TransNetError: the time goes backwards, or is no number.
        """
        return self._push(partial(self._model.frame_terms, frame[None]), time_s)

    @torch.inference_mode()
    def push_terms(self, terms: FrameTerms, time_s: float) -> Window | None:
        """See one more frame that has passed the backbone, as one of a batch.

        Args:
            terms: of the frame, a batch of 1.
            time_s: as of :meth:`push`; returns and raises the same.
        """
        return self._push(lambda: terms, time_s)

    def _push(self, terms: Callable[[], FrameTerms], time_s: float) -> Window | None:
        last_s = self._seen[-1].time_s if self._seen else -np.inf
        if not (time_s >= last_s and np.isfinite(time_s)):
            raise TransNetError(
                f"time_s is {time_s}, after a frame of {last_s} s; accepted: times that never "
                "decrease. Call reset() where another video starts."
            )
        of_frame = terms()
        means = of_frame.means if self._novelty else None
        seen = _SeenFrame(time_s, of_frame.terms, of_frame.maps, means)
        if not self._seen:
            self._began_s = time_s
        elif time_s == last_s or self._is_crowded(time_s):
            seen.still = self._seen.pop().still
        if seen.maps is not None and self._seen:
            self._pair_up(seen, seen.maps)
        self._seen.append(seen)
        self._forget(time_s)
        if time_s - self._began_s < self.span_s - _GRACE_S:
            return None
        moments_s = time_s - self._back_s
        window, pairs = self._chain(moments_s) if seen.maps else (self._nearest(moments_s), [])
        if len(window) < len(self._back_s):
            return None
        known = self._novelty is None or self._novelty.is_known_window(
            torch.cat([each.means for each in window if each.means is not None])
        )
        times_s = tuple(each.time_s for each in window)
        return Window(self._logits(window, pairs), times_s, known)

    def _logits(self, window: list[_SeenFrame], pairs: list[Tensor]) -> Tensor:
        logits = []
        if "appearance" in self._model.cues:
            terms = torch.stack([each.terms for each in window], dim=1)
            logits.append(self._model.temporal.from_frame_terms(terms).unsqueeze(1))
        if self._heads is not None:
            logits.append(self._heads(torch.stack(pairs, dim=1)))
        return self._model.join(torch.cat(logits, dim=1))[0]

    def _pair_up(self, seen: _SeenFrame, maps: MotionMaps) -> None:
        """Find the frame one step before a new one, and the motion between them."""
        moment_s = seen.time_s - self._step_s + _GRACE_S
        later = sum(each.time_s <= moment_s for each in self._seen)
        around = [self._seen[at] for at in (later, later - 1) if 0 <= at < len(self._seen)]
        drifts_s = [abs(self._drift_s(each, seen)) for each in around]
        # Of two as good, the later one.
        partner = around[-1] if drifts_s[-1] < drifts_s[0] - _GRACE_S else around[0]
        assert partner.maps is not None
        seen.pair = _Pair(partner, self._pair_terms(partner.maps, maps))
        if moment_s < self._began_s:  # a window that reaches so far back begins with the first
            return
        if later < len(self._seen) or partner.time_s >= moment_s - 2 * _GRACE_S:
            # No more than rounding to these frames explains: what a gap leaves must not stay.
            most_s = abs(around[0].time_s - around[-1].time_s) / 2
            seen.drift_s = float(np.clip(self._drift_s(partner, seen), -most_s, most_s))
            return
        if self._still is None:  # the same for every frame: where nothing changes, motion is zero
            self._still = self._pair_terms(maps, maps)
        partner.still = seen.still = self._still

    def _pair_terms(self, earlier: MotionMaps, later: MotionMaps) -> Tensor:
        assert self._heads is not None
        return self._heads.terms(self._model.pair_motion.of_cues(earlier, later))

    def _drift_s(self, partner: _SeenFrame, seen: _SeenFrame) -> float:
        return partner.drift_s + seen.time_s - partner.time_s - self._step_s

    def _chain(self, moments_s: np.ndarray) -> tuple[list[_SeenFrame], list[Tensor]]:
        """The frames that lead to the newest one, and the terms of their pairs, as far as known."""
        frames, terms = [self._seen[-1]], []
        for moment_s in moments_s[-2::-1]:
            pair = self._before(frames[-1], moment_s)
            if pair is None:
                break
            frames.append(pair.partner)
            terms.append(pair.terms)
        return frames[::-1], terms[::-1]

    def _before(self, frame: _SeenFrame, moment_s: float) -> _Pair | None:
        """A frame's pair, or it with itself, if it was shown nearer to the moment before."""
        pair = frame.pair
        if frame.still is None:
            return pair
        if pair and (frame.time_s + pair.partner.time_s) / 2 > moment_s + _GRACE_S:
            return pair
        return _Pair(frame, frame.still)

    def _nearest(self, moments_s: np.ndarray) -> list[_SeenFrame]:
        """The frame nearest to each moment, the later one of two that are as near."""
        times_s = np.array([seen.time_s for seen in self._seen])
        middles_s = (times_s[1:] + times_s[:-1]) / 2
        positions = np.searchsorted(middles_s, moments_s + _GRACE_S, side="right")
        return [self._seen[position] for position in positions]

    def _is_crowded(self, time_s: float) -> bool:
        """Whether the last frame lies closer than the spacing to both of its neighbors."""
        return len(self._seen) > 1 and time_s - self._seen[-2].time_s < self._spacing_s

    def _forget(self, now_s: float) -> None:
        """Drop the frames that no window can have any more, and the maps that no pair can have."""
        seen = self._seen
        span_s = self.span_s + (self._step_s if seen[-1].maps is not None else 0.0)
        while len(seen) > 1 and (seen[0].time_s + seen[1].time_s) / 2 <= now_s - span_s:
            seen.popleft().pair = None
        for frame, later in pairwise(seen):
            if later.time_s > now_s - self._step_s:
                break
            frame.maps = None
