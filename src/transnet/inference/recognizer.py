"""A trained run, ready to predict."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from transnet.checkpoints.run import RunInfo, load_model, load_run_info
from transnet.config import Device, StreamConfig
from transnet.data.video.frames import Pixels
from transnet.data.video.sources import open_source
from transnet.inference.base import BaseRecognizer, Schedule
from transnet.inference.prediction import Prediction
from transnet.inference.stream import StreamSession, interval_s
from transnet.model.networks import Network, device_of
from transnet.model.normalization import Normalization
from transnet.runtimes.choice import accelerated
from transnet.runtimes.device import find_device
from transnet.runtimes.engines import Runtime


def load(run: str | Path, *, device: Device | str = "auto") -> Recognizer:
    """Load a trained run.

    Args:
        run: the ``--out`` folder of ``transnet train``, or a copy of it.
        device: ``auto`` (CUDA where it is available, else the CPU), ``cpu``, ``cuda`` or ``mps``.

    Raises:
        TransNetError: ``run`` is no run folder, its training has not ended, or there is no such
            device.

    Example:
        >>> recognizer = transnet.load("runs/exercises")  # doctest: +SKIP
        >>> recognizer.predict("clip.mp4").label  # doctest: +SKIP
        'squat'
    """
    chosen = find_device(device)
    info = load_run_info(run)
    return Recognizer(info, load_model(run, info).to(chosen))


class Recognizer(BaseRecognizer):
    """Classifies videos and streams with the network of a run.

    It computes on the device that ``model`` is on, also after the model is moved.

    Attributes:
        info: the description of the run: classes, preprocessing, training.
        model: the network, in evaluation mode.
    """

    info: RunInfo

    def __init__(self, info: RunInfo, model: Network) -> None:
        self.info = info
        self.model = model.eval().to(memory_format=model.memory_format)
        self._normalization = Normalization(info.backbone.mean, info.backbone.std)

    def normalized(self, frames: Pixels) -> Tensor:
        """The network's input, on its device.

        Args:
            frames: uint8 RGB ``(..., size, size, 3)``.

        Returns:
            float32 ``(..., 3, size, size)``.
        """
        return self._normalization.on(device_of(self.model), frames)

    def accelerated(self, num_frames: int | None = None) -> AbstractContextManager[Runtime]:
        """Run in the fastest runtime of this machine; probabilities agree to about 1e-6.

        ::

            with recognizer.accelerated(12 * len(paths)):
                for prediction in recognizer.predict_all(paths): ...

        Args:
            num_frames: number of frames ahead. If it pays off, runtimes that were never measured
                on this machine are measured first; without a number (a stream) only earlier
                measurements are used. On a GPU PyTorch is used.

        Returns:
            A context manager that yields the runtime: ``eager`` (PyTorch), ``compiled``, ``onnx``
            or ``openvino``. It may change PyTorch's number of threads.
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
        """Classify a camera, a network stream or a video, frame by frame.

        Cameras and network streams are read in real time: frames for which this machine is too
        slow are dropped, and lost connections are reopened. Memory does not grow.

        Args:
            source: number of a webcam, an RTSP or HTTP address, a video file, or ``-`` for raw
                frames on standard input.
            config: the step of the window, and which frames are processed.
            realtime: read a file at its own speed and drop frames as a camera would.
            input_size: ``WIDTHxHEIGHT`` of raw frames.
            fps: raw frames per second.

        Yields:
            The prediction of the window that ends with each processed frame, from the first full
            window on.

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
        """Start one stream, whose frames you push; see :class:`StreamSession`."""
        return StreamSession(self.info, self.model, config, name)

    def _schedule(self, num_videos: int, workers: int) -> Schedule:
        concurrency = self.model.backbone.max_concurrency
        return Schedule(self._scores, max(workers, concurrency), concurrency > 1)

    @torch.inference_mode()
    def _scores(self, frames: Pixels) -> list[float]:
        scores: list[float] = self.model(self.normalized(frames)[None]).softmax(dim=1)[0].tolist()
        return scores

    def __repr__(self) -> str:
        return f"Recognizer({self.info.backbone.name}, classes={', '.join(self.classes)})"
