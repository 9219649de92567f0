"""A trained run, ready to answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from transnet.checkpoints import run as checkpoint
from transnet.checkpoints.run import RunInfo
from transnet.config import StreamConfig
from transnet.data.clips import Clip, read_clip
from transnet.data.preprocessing import normalize
from transnet.data.video.sources import open_source
from transnet.errors import VideoError
from transnet.inference.prediction import Prediction
from transnet.inference.stream import StreamSession, interval_s
from transnet.model.networks import Network
from transnet.runtimes.choice import accelerated
from transnet.runtimes.engines import Runtime
from transnet.utils.threads import prefetch


def load(run: str | Path, *, device: str = "auto") -> Recognizer:
    """Load a trained run.

    Args:
        run: the ``--out`` folder of ``transnet train``, or a copy of it.

    Raises:
        TransNetError: it is no run folder, or its training has not ended.

    Example:
        >>> recognizer = transnet.load("runs/exercises")
        >>> recognizer.predict("clip.mp4").label
        'squat'
    """
    info = checkpoint.load_info(run)
    return Recognizer(info, checkpoint.load_model(run, info))


class Recognizer:
    """Tells which action a video shows.

    Attributes:
        info: what the run is: classes, preprocessing, training.
        model: the network, in evaluation mode.
    """

    def __init__(self, info: RunInfo, model: Network) -> None:
        self.info = info
        self.model = model.eval().to(memory_format=model.memory_format)

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
        return self._answer(path, self._read(path, start, end, allow_partial))

    def predict_all(
        self, paths: Sequence[str | Path], *, allow_partial: bool = False, workers: int = 2
    ) -> Iterator[Prediction | VideoError]:
        """Score many videos, each as a whole; decoding runs ahead of the network.

        Args:
            paths: the video files.
            allow_partial: take the good frames of damaged files and say so in ``damage``.
            workers: decoding threads; more where the network may be called from several.

        Yields:
            For each file, in order, its prediction, or what is wrong with it.
        """
        at_once = self.model.backbone.at_once
        ahead: Callable[..., Prediction | Clip] = self.predict if at_once > 1 else self._read
        calls = (partial(ahead, path, allow_partial=allow_partial) for path in paths)
        results = prefetch(calls, max(workers, at_once))
        for path, result in zip(paths, results, strict=True):
            try:
                done = result.result()
            except VideoError as error:
                yield error
            else:
                yield self._answer(path, done) if isinstance(done, Clip) else done

    def accelerated(self, num_frames: int | None = None) -> AbstractContextManager[Runtime]:
        """Work in the runtime that is fastest here, with the same answers to about 1e-6.

        ::

            with recognizer.accelerated(12 * len(paths)):
                for answer in recognizer.predict_all(paths): ...

        Args:
            num_frames: frames ahead. If it is worth it, runtimes that were never tried on this
                machine are tried first; without a number (a stream) what is known is used.

        Returns:
            A context manager that gives the runtime: ``eager`` (PyTorch as it is), ``compiled``,
            ``onnx`` or ``openvino``. PyTorch's number of threads may be another inside.
        """
        return accelerated(self.model.backbone, num_frames)

    def stream(
        self,
        source: str | Path | int,
        config: StreamConfig = StreamConfig(),
        *,
        realtime: bool = False,
        input_size: str | None = None,
        fps: float = 25.0,
    ) -> Iterator[Prediction]:
        """Watch a camera, a network stream or a video, and answer for each new frame.

        Cameras and network streams are watched as they come: what this machine is too slow for is
        dropped, and a connection that is lost is taken up again. Memory does not grow.

        Args:
            source: number of a webcam, an RTSP or HTTP address, a video file, or ``-`` for raw
                frames on standard input.
            config: the step of the window, and how many frames are looked at.
            realtime: play a file at its own speed, and drop what is too fast.
            input_size: ``WIDTHxHEIGHT`` of raw frames.
            fps: raw frames a second.

        Yields:
            Predictions of the windows that end with each frame that was looked at; the first
            when there are enough of them.

        Raises:
            TransNetError: the source cannot be opened.
        """
        session = self.stream_session(replace(config, every_s=0.0), name=str(source))
        every_s = interval_s(self.info, config)
        with open_source(
            source, every_s=every_s, realtime=realtime, input_size=input_size, fps=fps
        ) as frames:
            for frame in frames:
                if frame.is_first:
                    session.reset()
                if frame.due and (prediction := session.push(frame.picture, frame.time_s)):
                    yield prediction

    def stream_session(
        self, config: StreamConfig = StreamConfig(), *, name: str = "stream"
    ) -> StreamSession:
        """Something to push the frames of one stream into; see :class:`StreamSession`."""
        return StreamSession(self.info, self.model, config, name)

    def prediction(
        self, path: str, probabilities: Tensor, start_s: float, end_s: float, damage: str = ""
    ) -> Prediction:
        """Put probabilities, ``(C,)``, in order and in words."""
        return Prediction.of(path, self.classes, probabilities.tolist(), start_s, end_s, damage)

    def _read(
        self,
        path: str | Path,
        start: int | None = None,
        end: int | None = None,
        allow_partial: bool = False,
    ) -> Clip:
        return read_clip(path, self.info.clip, start=start, end=end, allow_partial=allow_partial)

    def _answer(self, path: str | Path, clip: Clip) -> Prediction:
        start_s, end_s = float(clip.times_s[0]), float(clip.times_s[-1])
        return self.prediction(str(path), self._probabilities(clip), start_s, end_s, clip.damage)

    @torch.inference_mode()
    def _probabilities(self, clip: Clip) -> Tensor:
        pixels = torch.from_numpy(normalize(clip.frames, self.info.mean, self.info.std))
        return self.model(pixels[None]).softmax(dim=1)[0]

    def __repr__(self) -> str:
        return f"Recognizer({self.info.backbone}, classes={', '.join(self.classes)})"
