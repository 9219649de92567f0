"""A trained run, ready to predict."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from transnet.checkpoints.hub_files import local_folder
from transnet.checkpoints.novelty import choose_novelty, save_novelty
from transnet.checkpoints.publishing import push
from transnet.checkpoints.run import RunInfo, load_model, load_run_info, save_model, save_run_info
from transnet.config import Device, StreamConfig, Unknown
from transnet.data.video.frames import Pixels
from transnet.data.video.sources import open_source
from transnet.errors import TransNetError
from transnet.inference.base import BaseRecognizer, Schedule, Scored
from transnet.inference.inputs import ClipOptions, read_input
from transnet.inference.prediction import Prediction
from transnet.inference.stream import StreamSession, interval_s
from transnet.model.networks import Network, device_of
from transnet.model.normalization import Normalization
from transnet.model.novelty import NoveltyDetector
from transnet.runtimes.choice import accelerated
from transnet.runtimes.device import find_device
from transnet.runtimes.engines import Runtime


def load(
    run: str | Path, *, device: Device | str = "auto", unknown: Unknown = "auto"
) -> Recognizer:
    """Load a trained run.

    Args:
        run: the ``--out`` folder of ``transnet train``, a copy of it, or
            ``hf-hub:USER/NAME[@REVISION]``.
        device: ``auto`` (CUDA where it is available, else the CPU), ``cpu``, ``cuda`` or ``mps``.
        unknown: whether clips that are unlike the training clips are ``unknown``; ``auto``: if
            the last ``evaluate`` of the run has shown that it pays.

    Raises:
        TransNetError: ``run`` is no run folder, its training has not ended, there is no such
            device, or the run cannot tell unknown clips.

    Example:
        >>> recognizer = transnet.load("runs/exercises")
        >>> recognizer.predict("clip.mp4").label in recognizer.classes
        True
    """
    chosen = find_device(device)
    folder = local_folder(run)
    info = load_run_info(folder)
    novelty = choose_novelty(run, unknown)
    return Recognizer(info, load_model(folder, info).to(chosen), novelty, folder)


class Embedding(NamedTuple):
    """The features of a clip, for search, clustering or a classifier of your own.

    Attributes:
        clip: of the whole clip, ``(D,)``: the mean over its frames.
        frames: of each frame, ``(T, D)``; of a 3D network ``(1, D)``.
        times_s: presentation time of each frame, in seconds, ``(T,)``.
    """

    clip: NDArray[np.float32]
    frames: NDArray[np.float32]
    times_s: NDArray[np.float64]


class Recognizer(BaseRecognizer):
    """Classifies videos and streams with the network of a run.

    It computes on the device that ``model`` is on, also after the model is moved.

    Attributes:
        info: the description of the run: classes, preprocessing, training.
        model: the network, in evaluation mode.
        novelty: tells clips that are unlike the training clips; ``None``: all count as known.
        folder: the run folder that it was loaded from, if it was.

    Example:
        >>> recognizer = transnet.load("runs/mine")
        >>> recognizer.classes
        ('boxing', 'handwaving', 'walking')
        >>> 0 <= recognizer.predict("clip.mp4").score <= 1
        True
    """

    info: RunInfo

    def __init__(
        self,
        info: RunInfo,
        model: Network,
        novelty: NoveltyDetector | None = None,
        folder: Path | None = None,
    ) -> None:
        self.info, self.novelty, self.folder = info, novelty, folder
        self.model = model.eval().to(memory_format=model.memory_format)
        self._normalization = Normalization(info.backbone.mean, info.backbone.std)

    @property
    def thresholds(self) -> tuple[float, ...]:
        """Probability from which each class is answered; empty if the best class is."""
        return self.model.scoring.thresholds

    def normalized(self, frames: Pixels) -> Tensor:
        """The network's input, on its device.

        Args:
            frames: uint8 RGB ``(..., size, size, 3)``.

        Returns:
            float32 ``(..., 3, size, size)``.
        """
        return self._normalization.on(device_of(self.model), frames)

    @torch.inference_mode()
    def embed(
        self,
        video: Any,
        *,
        start: int | None = None,
        end: int | None = None,
        allow_partial: bool = False,
        fps: float = 25.0,
    ) -> Embedding:
        """The features of a clip and of each of its frames, pooled; the arguments of ``predict``.

        Example:
            >>> transnet.load("runs/mine").embed("clip.mp4").clip.ndim
            1
        """
        options = ClipOptions(start, end, allow_partial, fps)
        _, clip = read_input(video, self.info.clip, options)
        features = self.model.encode(self.normalized(clip.frames)[None])[0].float()
        if features.ndim > 2:
            features = features.mean(dim=(2, 3))
        frames = np.atleast_2d(features.cpu().numpy())
        return Embedding(frames.mean(axis=0), frames, clip.times_s)

    def save(self, folder: str | Path) -> Path:
        """Write what ``load`` needs to a new folder: ``transnet.json`` and the weights.

        Raises:
            TransNetError: the folder exists and is not empty.

        Example:
            >>> copy = transnet.load("runs/mine").save("copy")
            >>> transnet.load(copy).classes == transnet.load("runs/mine").classes
            True
        """
        target = Path(folder).expanduser()
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise TransNetError(f"folder is {str(folder)!r}, which is not empty; name a new one.")
        target.mkdir(parents=True, exist_ok=True)
        save_run_info(target, self.info)
        if self.novelty is not None:
            save_novelty(target, self.novelty)
        save_model(target, self.model)
        return target

    def push_to_hub(self, name: str, *, license: str | None = None, private: bool = False) -> str:
        """Publish on the Hugging Face Hub: two files and a model card with the run's scores.

        Args:
            name: ``USER/NAME`` of the repository, made if it is not there.
            license: as the hub calls it; by default that of the backbone's weights.
            private: whether only you can see a repository that is made.

        Returns:
            The address of the new revision.

        Raises:
            TransNetError: you are not logged in, or the hub refuses.

        Example:
            ::

                transnet.load("runs/mine").push_to_hub("anna/exercises")
        """
        return push(
            self.info, self.model, name, folder=self.folder, license=license, private=private
        )

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
        return StreamSession(self.info, self.model, config, name, self.novelty)

    def _schedule(self, num_videos: int, workers: int) -> Schedule:
        concurrency = self.model.backbone.max_concurrency
        return Schedule(self._scores, max(workers, concurrency), concurrency > 1)

    @torch.inference_mode()
    def score_clips(self, clips: Pixels) -> list[Scored]:
        """Clips, uint8 RGB ``(B, T, size, size, 3)``, in one pass; the scores of each."""
        encoded = self.model.encode_cues(self.normalized(clips))
        scores = self.model.scoring.probabilities(self.model.classify(*encoded)).tolist()
        known = self.novelty.is_known(encoded).tolist() if self.novelty else [True] * len(scores)
        return [Scored(*each) for each in zip(scores, known, strict=True)]

    def _scores(self, frames: Pixels) -> Scored:
        return self.score_clips(frames[None])[0]

    def __repr__(self) -> str:
        return f"Recognizer({self.info.backbone.name}, classes={', '.join(self.classes)})"
