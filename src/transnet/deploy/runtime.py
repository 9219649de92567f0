"""A recognizer of exported models without torch: numpy, PyAV and ONNX Runtime (or OpenVINO).

::

    from transnet.deploy.runtime import load

    recognizer = load("exported")
    recognizer.predict("clip.mp4")                       # a Prediction, as with transnet.load

    window = Window(recognizer)                          # a stream, transnet.deploy.window:
    window.push(frame)                                   # each frame is encoded once

Command line: ``python -m transnet.deploy.runtime MODEL VIDEO...``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from transnet.config import Unknown
from transnet.data.video.frames import Pixels
from transnet.deploy.export_info import EARLIER, ExportInfo
from transnet.deploy.sessions import SUFFIXES, Session, open_session
from transnet.errors import TransNetError, VideoError
from transnet.inference.base import BaseRecognizer, Schedule, Scored
from transnet.utils.threads import MAX_CONCURRENCY, usable_cores


def forms_of(info: ExportInfo) -> tuple[str, ...]:
    """The models of an export: of clips, and those that a stream calls one after the other."""
    novelty = ("novelty",) if info.threshold is not None else ()
    return ("clip", "encoder", "head", *novelty)


def load(model: str | Path, *, threads: int = 0, unknown: Unknown = "auto") -> ExportedRecognizer:
    """Open an exported model.

    Args:
        model: the ``--out`` folder of ``transnet export``, or the clip model in it.
        threads: number of CPU threads; 0: the runtime's default.
        unknown: whether clips that are unlike the training clips are ``unknown``; ``auto``: if
            the last evaluation before the export has shown that it pays.

    Raises:
        TransNetError: there is no exported model, its runtime is not installed, or it cannot tell
            unknown clips.
    """
    path = Path(model).expanduser()
    clip_model = path if path.suffix in SUFFIXES else find_clip_model(path)
    if clip_model is None or not clip_model.is_file():
        raise TransNetError(
            f"MODEL is {str(model)!r}, which is no exported model; accepted: the --out folder of "
            "transnet export, or the clip.onnx or clip.xml in it."
        )
    return ExportedRecognizer(clip_model, threads=threads, unknown=unknown)


def find_clip_model(folder: Path) -> Path | None:
    """The clip model in a folder; ``None`` if there is none."""
    found = (folder / f"clip{suffix}" for suffix in SUFFIXES)
    return next((path for path in found if path.is_file()), None)


class EncodedFrame(NamedTuple):
    """What a window keeps of a frame of a stream.

    Attributes:
        features: ``(1, L)``; L is 0 for motion alone.
        pairs: the terms of the pair of the frame before and this one, ``(1, P)``, with motion; of
            the first frame they mean nothing.
        means: ``(1, D)``, if the export can tell what is unknown.
    """

    features: NDArray[np.float32]
    pairs: NDArray[np.float32] | None
    means: NDArray[np.float32] | None


class ExportedRecognizer(BaseRecognizer):
    """Classifies videos with exported models; :func:`load` opens one.

    Args:
        clip_model: path of ``clip.onnx`` or ``clip.xml``. The models for streams are in the same
            folder and opened when they are first used.
        threads: number of CPU threads; 0: the runtime's default.
        unknown: whether clips that are unlike the training clips are unknown.

    Attributes:
        info: classes, sampling, sizes.
        threshold: distance above which a clip is unknown; ``None``: all count as known.

    Raises:
        TransNetError: a file is damaged, or the export cannot tell unknown clips.
    """

    info: ExportInfo

    def __init__(self, clip_model: Path, *, threads: int = 0, unknown: Unknown = "auto") -> None:
        self._path, self._threads = clip_model, threads
        self._clip = open_session(clip_model, threads)
        self.info = self._clip.info
        self.threshold = _threshold(clip_model, self.info, unknown)

    @property
    def thresholds(self) -> tuple[float, ...]:
        """Probability from which each class is answered; empty if the best class is."""
        return self.info.class_thresholds

    def scores(self, clips: Pixels) -> NDArray[np.float32]:
        """uint8 RGB clips ``(B, T, size, size, 3)`` to probabilities ``(B, C)``."""
        return self._clip.run(clips)[0]

    def distances(self, clips: Pixels) -> NDArray[np.float32]:
        """The same clips to their distances to the nearest training clip, ``(B,)``, 0..2.

        Only if ``info.threshold`` is a number.
        """
        return self._clip.run(clips)[-1]

    @property
    def map_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each map of a frame that motion is computed from; without motion empty."""
        shapes = self._encoder.input_shapes.items()
        return {name.removeprefix(EARLIER): shape[1:] for name, shape in [*shapes][1:]}

    def encode(self, frames: Pixels) -> NDArray[np.float32]:
        """uint8 RGB frames ``(B, size, size, 3)`` to features ``(B, L)``; motion alone has none."""
        maps = [np.zeros((len(frames), *shape), np.float32) for shape in self.map_shapes.values()]
        values = self._encoder.run(frames, *maps)
        return _features(dict(zip(self._encoder.outputs, values, strict=True)), len(frames))

    def frame_stream(self) -> Callable[[Pixels], EncodedFrame]:
        """A function of the frames of one video, one step of the clip apart.

        It takes uint8 RGB ``(1, size, size, 3)`` and keeps what the motion of the next pair needs.
        """
        encode = self._encoder.stream()

        def push(frame: Pixels) -> EncodedFrame:
            found = encode(frame)
            return EncodedFrame(_features(found, 1), found.get("pairs"), found.get("means"))

        return push

    def classify(
        self, features: NDArray[np.float32], pairs: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """The frames of windows, ``(B, T, L)``, to probabilities ``(B, C)``.

        Args:
            features: of the frames.
            pairs: terms of their pairs, ``(B, T-1, P)``, if motion is among the cues.
        """
        inputs = [] if self.info.cues == "motion" else [features]
        return self._head.run(*inputs, *([] if pairs is None else [pairs]))[0]

    def window_distances(self, means: NDArray[np.float32]) -> NDArray[np.float32]:
        """The means of the frames of windows, ``(B, T, D)``, to distances as of :meth:`distances`.

        Only if ``info.threshold`` is a number.
        """
        return self._novelty.run(means)[0]

    def _schedule(self, num_videos: int, workers: int) -> Schedule:
        """Threads that decode a video and run the model, whatever ``workers`` is."""
        threads = self._threads or min(usable_cores(), MAX_CONCURRENCY)
        calls = max(1, min(threads, num_videos))
        if calls == 1:
            return Schedule(self._scores, threads, True)
        # Several videos at once, each with its share, are faster than one video on all cores.
        session = open_session(self._path, threads, calls=calls)
        return Schedule(partial(self._scores, session=session), threads, True)

    def _scores(self, frames: Pixels, session: Session | None = None) -> Scored:
        probabilities, _, *distances = (session or self._clip).run(frames[None])
        known = self.threshold is None or bool(distances[0][0] <= self.threshold)
        return Scored(probabilities[0].tolist(), known)

    @cached_property
    def _encoder(self) -> Session:
        encoder = self._beside("encoder")
        if self.info.cues != "appearance" and len(encoder.input_shapes) == 1:
            raise TransNetError(
                f"{self._path.with_stem('encoder')} was exported by an earlier version, whose "
                "streams computed motion otherwise; train and export again."
            )
        return encoder

    @cached_property
    def _head(self) -> Session:
        return self._beside("head")

    @cached_property
    def _novelty(self) -> Session:
        return self._beside("novelty")

    def _beside(self, form: str) -> Session:
        path = self._path.with_stem(form)
        if not path.is_file():
            raise TransNetError(
                f"{path} is missing: streams need it in the folder of {self._path.name}."
            )
        return open_session(path, self._threads)

    def __repr__(self) -> str:
        return (
            f"ExportedRecognizer({self.info.backbone.name}, {self.info.precision}, "
            f"classes={', '.join(self.classes)})"
        )


def _features(found: dict[str, NDArray[np.float32]], count: int) -> NDArray[np.float32]:
    return found.get("features", np.empty((count, 0), np.float32))


def _threshold(model: Path, info: ExportInfo, unknown: Unknown) -> float | None:
    if unknown not in get_args(Unknown):
        raise TransNetError(f"unknown is {unknown!r}; accepted: {', '.join(get_args(Unknown))}.")
    if unknown == "off" or (unknown == "auto" and not info.unknown_pays):
        return None
    if info.threshold is None and unknown == "on":
        raise TransNetError(
            f"unknown is 'on', but {model} was exported from a run that cannot tell; accepted: "
            "auto, off."
        )
    return info.threshold


def main(arguments: Sequence[str] | None = None) -> int:
    """Classify videos; returns 0, or 1 if any could not be read."""
    with TransNetError.speaking_of_options():
        return _main(arguments)


def _main(arguments: Sequence[str] | None) -> int:
    parser = argparse.ArgumentParser(
        prog="transnet-runtime", description="Classify videos with exported models, without torch."
    )
    parser.add_argument("model", metavar="MODEL", help="the --out folder of transnet export")
    parser.add_argument("videos", metavar="VIDEO", nargs="+", help="video files")
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    parser.add_argument("--threads", type=int, default=0, help="number of threads (default: all)")
    parser.add_argument(
        "--allow-partial", action="store_true", help="use the intact frames of damaged files"
    )
    parser.add_argument(
        "--unknown",
        choices=get_args(Unknown),
        default="auto",
        help="call what is unlike the training clips unknown (default: if it pays)",
    )
    options = parser.parse_args(arguments)
    failed = 0
    try:
        recognizer = load(options.model, threads=options.threads, unknown=options.unknown)
        predictions = recognizer.predict_all(options.videos, allow_partial=options.allow_partial)
        for video, prediction in zip(options.videos, predictions, strict=True):
            if isinstance(prediction, VideoError):
                failed += 1
                if options.json:
                    print(json.dumps({"path": video, "error": prediction.reason}), flush=True)
                else:
                    print(f"error: {prediction}", file=sys.stderr)
                continue
            print(json.dumps(prediction.to_dict()) if options.json else prediction, flush=True)
            if prediction.damage and not options.json:
                print(f"warning: {video}: {prediction.damage}", file=sys.stderr)
    except TransNetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
