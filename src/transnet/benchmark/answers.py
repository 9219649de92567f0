"""Many files to predictions, against a plain loop as one would write it first."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from pathlib import Path

import av
import numpy as np
import torch
from torch import nn
from torchvision.transforms import v2

from transnet.benchmark.contest import Entrant, contest, reason
from transnet.benchmark.features import MANY_FRAMES
from transnet.benchmark.int8 import small_export
from transnet.benchmark.measurement import Measurement, measurement
from transnet.benchmark.setting import Setting
from transnet.data.sampling import uniform_indices
from transnet.deploy.runtime import ExportedRecognizer
from transnet.errors import VideoError
from transnet.inference.recognizer import Recognizer
from transnet.runtimes.measured_speed import THREADED

PLAIN = Entrant("plain loop", "eager")
PLAIN_CHANNELS_LAST = Entrant("plain loop, channels-last", "eager")


def measure_part(setting: Setting) -> list[Measurement]:
    """Predictions per file, with the fastest runtime and in int8."""
    paths = [record.path for record in setting.records]
    recognizer = setting.recognizer()
    calls: dict[Entrant, Callable[[], object]] = {
        PLAIN: _PlainLoop(setting, paths, torch.contiguous_format),
        PLAIN_CHANNELS_LAST: _PlainLoop(setting, paths, torch.channels_last),
    }
    with nullcontext("eager") if setting.miniature else recognizer.accelerated(MANY_FRAMES) as name:
        ours = [Entrant("files to answers", name)]
    calls[ours[0]] = _answers(recognizer, paths, accelerate=not setting.miniature)
    rows = []
    for runtime in setting.runtimes:
        if runtime in THREADED:
            small = Entrant("files to answers, int8", runtime)
            try:
                calls[small] = _answers(small_export(setting, runtime), paths, accelerate=False)
                ours.append(small)
            except Exception as error:
                why = reason(error)
                rows.append(Measurement("answers", *small, 1, setting.threads, note=why))
    outcome = contest("answers", calls, setting.schedule)
    note = "every frame decoded to RGB, one file after the other, eager PyTorch"
    rows += [
        measurement(
            outcome,
            entrant,
            part="answers",
            threads=setting.threads,
            per=len(paths),
            reference=() if entrant == PLAIN else (PLAIN,),
            note=note if entrant == PLAIN else "",
            limit=setting.limit("ratio", 1 / 3) if entrant in ours else None,
        )
        for entrant in calls
    ]
    return rows


def _answers(
    recognizer: Recognizer | ExportedRecognizer, paths: list[Path], *, accelerate: bool
) -> Callable[[], object]:
    """The work of ``transnet predict``."""

    def answer() -> None:
        with ExitStack() as stack:
            if accelerate and isinstance(recognizer, Recognizer):
                num_frames = len(paths) * recognizer.info.clip.frames
                stack.enter_context(recognizer.accelerated(num_frames))
            for found in recognizer.predict_all(paths):
                if isinstance(found, VideoError):
                    raise found

    return answer


class _PlainLoop:
    """Decode all frames, sample some, resize, normalize and classify them."""

    def __init__(
        self, setting: Setting, paths: list[Path], memory_format: torch.memory_format
    ) -> None:
        recognizer = setting.recognizer()
        self._model: nn.Module = recognizer.model.to(memory_format=memory_format)
        self._paths, self._num_frames = paths, setting.clip.frames
        info = recognizer.info
        steps = [
            v2.Resize(round(setting.clip.size * 8 / 7), antialias=True),
            v2.CenterCrop(setting.clip.size),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(list(info.backbone.mean), list(info.backbone.std)),
        ]
        self._prepare = v2.Compose(steps)

    @torch.inference_mode()
    def __call__(self) -> None:
        for path in self._paths:
            with av.open(str(path)) as container:
                frames = [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]
            chosen = [frames[i] for i in uniform_indices(len(frames), self._num_frames)]
            planes = torch.from_numpy(np.stack(chosen)).permute(0, 3, 1, 2)
            self._model(self._prepare(planes)[None]).softmax(dim=1)
