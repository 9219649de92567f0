"""A recognizer of exported models that needs no torch: numpy, PyAV and ONNX Runtime (or OpenVINO).

::

    from transnet.deploy.runtime import load

    recognizer = load("exported")
    recognizer.predict("clip.mp4")                       # a Prediction, as transnet.load(run) gives

    features = recognizer.encode(frames[-1:])            # a stream: one new frame, once
    recognizer.classify(last_n_features)                 # and the window that ends with it

On the command line: ``python -m transnet.deploy.runtime MODEL VIDEO...``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from transnet.data.clips import Clip, read_clip
from transnet.data.video.frames import Pixels
from transnet.deploy.export_info import ExportInfo
from transnet.deploy.sessions import SUFFIXES, Session, open_session
from transnet.errors import TransNetError, VideoError
from transnet.inference.prediction import Prediction
from transnet.utils.threads import MAX_CONCURRENCY, prefetch, usable_cores

FORMS = ("clip", "encoder", "head")


def load(model: str | Path, *, threads: int = 0) -> ExportedRecognizer:
    """Open an exported model.

    Args:
        model: the ``--out`` folder of ``transnet export``, or the clip model in it.
        threads: threads of the processor to use; 0: as many as the runtime thinks right.

    Raises:
        TransNetError: it is no exported model, or its runtime is not installed.
    """
    path = Path(model).expanduser()
    clip_model = path if path.suffix in SUFFIXES else find_clip_model(path)
    if clip_model is None or not clip_model.is_file():
        raise TransNetError(
            f"MODEL is {str(model)!r}, which is no exported model; accepted: the --out folder of "
            "transnet export, or the clip.onnx or clip.xml in it."
        )
    return ExportedRecognizer(clip_model, threads=threads)


def find_clip_model(folder: Path) -> Path | None:
    """The clip model in a folder, ``None`` if it holds none."""
    found = (folder / f"clip{suffix}" for suffix in SUFFIXES)
    return next((path for path in found if path.is_file()), None)


class ExportedRecognizer:
    """Tells which action a video shows; :func:`load` makes one.

    Args:
        clip_model: path of ``clip.onnx`` or ``clip.xml``. The models for streams are beside it and
            opened when they are first used.
        threads: threads of the processor to use; 0: as many as the runtime thinks right.

    Attributes:
        info: labels, sampling, sizes.
    """

    def __init__(self, clip_model: Path, *, threads: int = 0) -> None:
        self._path, self._threads = clip_model, threads
        self._clip = open_session(clip_model, threads)
        self.info: ExportInfo = self._clip.info

    @property
    def classes(self) -> tuple[str, ...]:
        """The actions that it can tell apart."""
        return self.info.classes

    def predict(
        self,
        path: str | Path,
        *,
        start: int | None = None,
        end: int | None = None,
        allow_partial: bool = False,
    ) -> Prediction:
        """Score one video as a whole.

        Args:
            path: the video file.
            start: first frame to look at, counted from 0; the beginning if not given.
            end: frame after the last one; the end of the file if not given.
            allow_partial: take the good frames of a damaged file and say so in ``damage``.

        Raises:
            VideoError: the file is missing, damaged or no video.
        """
        clip = read_clip(path, self.info.clip, start=start, end=end, allow_partial=allow_partial)
        return self._answer(path, clip, self._clip)

    def predict_all(
        self, paths: Sequence[str | Path], *, allow_partial: bool = False
    ) -> Iterator[Prediction | VideoError]:
        """Score many videos, each as a whole, several at once.

        Args:
            paths: the video files.
            allow_partial: take the good frames of damaged files and say so in ``damage``.

        Yields:
            For each file, in order, its prediction, or what is wrong with it.
        """
        at_once = self._threads or min(usable_cores(), MAX_CONCURRENCY)
        # Several at once, a core each, waste less than one on all cores.
        session = self._clip if min(at_once, len(paths)) == 1 else open_session(self._path, 1)

        def answer(path: str | Path) -> Prediction:
            clip = read_clip(path, self.info.clip, allow_partial=allow_partial)
            return self._answer(path, clip, session)

        for result in prefetch((partial(answer, path) for path in paths), at_once):
            try:
                yield result.result()
            except VideoError as error:
                yield error

    def scores(self, clips: Pixels) -> NDArray[np.float32]:
        """uint8 RGB clips ``(B, T, size, size, 3)`` to probabilities ``(B, C)``."""
        return self._clip.run(clips)

    def encode(self, frames: Pixels) -> NDArray[np.float32]:
        """uint8 RGB frames ``(B, size, size, 3)`` to features ``(B, L)``."""
        return self._encoder.run(frames)

    def classify(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features of the frames of windows, ``(B, T, L)``, to probabilities ``(B, C)``."""
        return self._head.run(features)

    def _answer(self, path: str | Path, clip: Clip, session: Session) -> Prediction:
        scores = session.run(clip.frames[None])[0].tolist()
        start_s, end_s = float(clip.times_s[0]), float(clip.times_s[-1])
        return Prediction.of(str(path), self.classes, scores, start_s, end_s, clip.damage)

    @cached_property
    def _encoder(self) -> Session:
        return self._beside("encoder")

    @cached_property
    def _head(self) -> Session:
        return self._beside("head")

    def _beside(self, form: str) -> Session:
        path = self._path.with_stem(form)
        if not path.is_file():
            raise TransNetError(f"{path} is missing: streams need it beside {self._path.name}.")
        return open_session(path, self._threads)

    def __repr__(self) -> str:
        return (
            f"ExportedRecognizer({self.info.backbone}, {self.info.precision}, "
            f"classes={', '.join(self.classes)})"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Tell the action of each video; returns 0, or 1 if any could not be read."""
    parser = argparse.ArgumentParser(
        prog="transnet-runtime", description="Tell which action each video shows, without torch."
    )
    parser.add_argument("model", metavar="MODEL", help="the --out folder of transnet export")
    parser.add_argument("videos", metavar="VIDEO", nargs="+", help="video files")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    parser.add_argument("--threads", type=int, default=0, help="threads to use (default: all)")
    parser.add_argument(
        "--allow-partial", action="store_true", help="take damaged files' good frames"
    )
    options = parser.parse_args(arguments)
    failed = 0
    try:
        recognizer = load(options.model, threads=options.threads)
        answers = recognizer.predict_all(options.videos, allow_partial=options.allow_partial)
        for video, answer in zip(options.videos, answers, strict=True):
            if isinstance(answer, VideoError):
                failed += 1
                if options.json:
                    print(json.dumps({"path": video, "error": answer.reason}), flush=True)
                else:
                    print(f"error: {answer}", file=sys.stderr)
                continue
            print(json.dumps(answer.to_dict()) if options.json else answer, flush=True)
            if answer.damage and not options.json:
                print(f"warning: {video}: {answer.damage}", file=sys.stderr)
    except TransNetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
