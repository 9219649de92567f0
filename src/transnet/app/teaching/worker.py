"""The process that computes features and trains: ``python -m transnet.app.teaching.worker``.

It holds torch and the backbone in memory, so that a training takes seconds. Commands come as JSON
lines on standard input, events leave as JSON lines on standard output. Whatever happens to it,
the takes and the last complete run are on disk.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from transnet.app.takeaway.archives import write_archive
from transnet.app.teaching.head_training import HeadTraining
from transnet.app.teaching.held_out import Guess, describe
from transnet.checkpoints import run as checkpoint
from transnet.checkpoints.backbone_weights import find_weights
from transnet.checkpoints.clip_list import save_clips
from transnet.checkpoints.run import RunInfo
from transnet.config import NO_CLASS, VIEWS, ClipConfig, ModelConfig, TrainingConfig
from transnet.data.cache.features import FeatureCache
from transnet.data.manifest import ClipRecord
from transnet.data.splits import Split
from transnet.data.views import training_views
from transnet.errors import TransNetError
from transnet.inference.features import FeatureExtractor
from transnet.model.transnet import TransNet
from transnet.runtimes.choice import accelerated
from transnet.utils.files import whole_folder

CLIP = ClipConfig()
MODEL = ModelConfig()
EPOCHS = 40
IDLE_S = 20.0
MEASURED_FRAMES = 2000
SPLIT_RULE = "no split: trained on all takes; each was also tested by a training without it"

Emit = Callable[..., None]


class Worker:
    """Features, training, held-out results of one project.

    Args:
        project: its folder.
        backbone: model name of ``timm``; ``None``: what the weights say.
        weights: as ``transnet train --weights``.
        emit: sends an event.
    """

    def __init__(self, project: Path, backbone: str | None, weights: str, emit: Emit) -> None:
        self._project, self._emit = project, emit
        self.measured = False
        self._digests: dict[ClipRecord, str] = {}
        self._waiting: deque[tuple[dict[str, str], bool]] = deque()
        self._found = find_weights(weights, backbone)
        self._model = self._build(2)
        self._cache = FeatureCache(project / "features")
        record = self._found.backbone
        self._extractor = FeatureExtractor(
            self._model,
            CLIP,
            record.mean,
            record.std,
            self._cache,
            workers=1,
            device="cuda" if torch.cuda.is_available() else "cpu",
        )

    def measure(self) -> None:
        """Try runtimes that were never tried on this machine; the features then use the best."""
        self.measured = True
        with accelerated(self._model.backbone, MEASURED_FRAMES):
            pass

    def features(
        self, takes: list[dict[str, str]], mirror: bool, count: int
    ) -> dict[ClipRecord, list[str]]:
        """Bring the features of some takes into the cache.

        Args:
            takes: the takes.
            mirror: whether some views are mirrored.
            count: views of each take, the main one first.

        Returns:
            The keys of each take's views.
        """
        keys: dict[ClipRecord, list[str]] = {}
        views = partial(training_views, count=count, flip=mirror)
        for number, take in enumerate(takes):
            record = ClipRecord(Path(take["path"]), take["label"], take["id"])
            done = self._extractor.extract([record], views, title="features")
            for error in done.broken.values():
                raise TransNetError(str(error))
            keys.update(done.keys)
            self._digests.update(done.digests)
            if count < VIEWS and done.computed:
                self._waiting.append((take, mirror))
            if done.computed or number + 1 == len(takes):
                self._emit("progress", stage="features", done=number + 1, total=len(takes))
        return keys

    def use_pause(self) -> bool:
        """Compute the other views of one take; whether there was one."""
        while self._waiting:
            take, mirror = self._waiting.popleft()
            if Path(take["path"]).is_file():
                self.features([take], mirror, VIEWS)
                return True
        return False

    def train(
        self, takes: list[dict[str, str]], mirror: bool, interrupted: Callable[[], bool]
    ) -> None:
        """Train on all takes, write the run, then test each take by a training without it.

        If views are missing, a first run is trained on the main view of each take, so that there
        is an answer at once; it is replaced once the other views are there.
        """
        # As in transnet train: the output for "nothing" is the last.
        labels = {take["label"] for take in takes}
        classes = tuple(sorted(labels, key=lambda label: (label == NO_CLASS, label)))
        for count in (1, VIEWS) if self._waiting else (VIEWS,):
            training, records = self._training(classes, takes, mirror, count)
            if interrupted():
                return
            started = time.perf_counter()
            training.fit(
                torch.arange(len(records)),
                lambda share: self._emit("progress", stage="training", share=round(share, 3)),
            )
            self._save(training.model, records, classes, training.config)
            self._emit("trained", seconds=round(time.perf_counter() - started, 2))
        self._waiting.clear()
        self._test(training, takes, classes, interrupted)

    def _training(
        self, classes: tuple[str, ...], takes: list[dict[str, str]], mirror: bool, count: int
    ) -> tuple[HeadTraining, tuple[ClipRecord, ...]]:
        keys = self.features(takes, mirror, count)
        labels = torch.tensor([classes.index(record.label) for record in keys])
        features = self._extractor.encoded_views(keys.values())
        config = TrainingConfig(views=count, flip=mirror, epochs=EPOCHS, refit=False)
        torch.manual_seed(config.seed)
        model = self._build(len(classes))
        return HeadTraining(model, features, labels, config), tuple(keys)

    def _test(
        self,
        training: HeadTraining,
        takes: list[dict[str, str]],
        classes: tuple[str, ...],
        interrupted: Callable[[], bool],
    ) -> None:
        guesses = []
        counts = Counter(take["label"] for take in takes)
        total = sum(count for count in counts.values() if count > 1)
        for done, (number, scores) in enumerate(training.held_out(), start=1):
            if interrupted():
                return
            best = int(scores.argmax())
            take = takes[number]
            guesses.append(Guess(take["id"], take["label"], classes[best], float(scores[best])))
            self._emit("progress", stage="testing", done=done, total=total)
        self._emit("tested", result=describe(guesses))

    def _save(
        self,
        model: TransNet,
        records: tuple[ClipRecord, ...],
        classes: tuple[str, ...],
        config: TrainingConfig,
    ) -> None:
        split = Split("takes", records, (), (), SPLIT_RULE)
        data = str(self._project / "clips")
        info = RunInfo.describe(classes, (CLIP, MODEL, config), self._found.backbone, data, split)
        with whole_folder(self._project / "run") as folder:
            checkpoint.save_run_info(folder, info)
            save_clips(folder, split, self._digests)
            checkpoint.save_model(folder, model)

    def _build(self, num_classes: int) -> TransNet:
        found = self._found
        model = TransNet(
            found.backbone.name,
            num_classes,
            num_frames=CLIP.frames,
            features=MODEL.features,
            filters=MODEL.filters,
            temporal=MODEL.temporal,
            readout=MODEL.readout,
            cues=MODEL.cues,
            size=CLIP.size,
            dropout=TrainingConfig().dropout,
            backbone_args=found.backbone.args,
        )
        found.load_into(model.backbone)
        model.backbone.freeze()
        return model


def main() -> None:
    """Carry out commands until standard input ends."""
    project, backbone, weights = Path(sys.argv[1]), sys.argv[2] or None, sys.argv[3]
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def emit(kind: str, **values: Any) -> None:
        out.write(json.dumps({"kind": kind, **values}) + "\n")
        out.flush()

    def retrain() -> bool:
        return any(command and command["do"] == "train" for command in list(commands.queue))

    # Beside a server and a browser, two threads wait for each other more than they help.
    torch.set_num_threads(1)
    commands: queue.Queue[dict[str, Any] | None] = queue.Queue()
    threading.Thread(target=_read, args=(commands,), daemon=True).start()
    try:
        worker = Worker(project, backbone, weights, emit)
    except TransNetError as error:
        emit("failed", error=str(error), fatal=True)
        return
    emit("ready")
    while (command := _next(commands, worker)) is not None:
        try:
            if command["do"] == "features":
                worker.features(command["takes"], command["mirror"], 1)
            elif command["do"] == "train":
                worker.train(command["takes"], command["mirror"], retrain)
            elif command["do"] == "export":
                path = write_archive(project / "run", command["form"], Path(command["path"]))
                emit("exported", form=command["form"], name=path.name)
        except TransNetError as error:
            emit("failed", error=str(error), doing=command["do"])
        except Exception as error:
            emit("failed", error=f"{type(error).__name__}: {error}", doing=command["do"])
        emit("idle")


def _next(commands: queue.Queue[dict[str, Any] | None], worker: Worker) -> dict[str, Any] | None:
    """The next command; pauses are used for what makes later ones faster or better."""
    while commands.empty() and worker.use_pause():
        pass
    if not worker.measured:
        try:
            return commands.get(timeout=IDLE_S)
        except queue.Empty:
            worker.measure()
    return commands.get()


def _read(commands: queue.Queue[dict[str, Any] | None]) -> None:
    for line in sys.stdin:
        commands.put(json.loads(line))
    commands.put(None)


if __name__ == "__main__":
    main()
