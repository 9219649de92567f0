"""The training process: features ahead, a run, held-out results."""

from __future__ import annotations

import asyncio
import shutil

import torch

from tests.helpers import TINY_BACKBONE
from transnet import TrainingConfig, TransNet, load
from transnet.app.teaching.head_training import MOST_TRAININGS, HeadTraining
from transnet.app.teaching.project import Project
from transnet.app.teaching.teacher import Teacher
from transnet.app.teaching.worker import Worker
from transnet.config import VIEWS
from transnet.model.encoded import Encoded


def takes_of(folder, count: int = 3) -> list[dict[str, str]]:
    return [
        {"id": f"{label}{number}", "label": label, "path": str(path)}
        for label in ("boxing", "walking")
        for number, path in enumerate(sorted((folder / label).rglob("*.avi"))[:count])
    ]


def test_takes_become_a_run_with_held_out_results(clips_folder, tmp_path):
    events: list[dict] = []

    def emit(kind: str, **values: object) -> None:
        events.append({"kind": kind, **values})

    worker = Worker(tmp_path, TINY_BACKBONE, "none", emit)
    takes = takes_of(clips_folder)
    worker.features(takes, True, 1)
    assert worker.use_pause()
    worker.train(takes, True, lambda: False)
    kinds = [event["kind"] for event in events if event["kind"] != "progress"]
    assert kinds == ["trained", "trained", "tested"]  # main views first, then all of them
    assert events[-1]["result"]["tested"] == 6
    recognizer = load(tmp_path / "run")
    assert recognizer.classes == ("boxing", "walking")
    assert recognizer.info.training.views == VIEWS
    assert recognizer.predict(takes[0]["path"]).label in recognizer.classes
    events.clear()
    worker.train(takes, True, lambda: False)  # everything is in the cache
    assert [event["kind"] for event in events if event["kind"] != "progress"] == [
        "trained", "tested",
    ]  # fmt: skip


def test_takes_of_nothing_do_not_shift_the_names_of_the_classes(clips_folder, tmp_path):
    worker = Worker(tmp_path, TINY_BACKBONE, "none", lambda kind, **values: None)
    takes = takes_of(clips_folder)
    for take in takes:
        take["label"] = take["label"].replace("walking", "_none")
    worker.train(takes, True, lambda: False)
    recognizer = load(tmp_path / "run")
    assert recognizer.info.outputs == ("boxing", "_none")
    scores = [recognizer.predict(take["path"]).scores["boxing"] for take in takes]
    assert sum(scores[:3]) > sum(scores[3:])


def test_each_take_is_tested_by_a_training_without_it():
    torch.manual_seed(0)
    labels = torch.tensor([0, 0, 0, 1, 1, 1, 2])
    model = TransNet(TINY_BACKBONE, 3, num_frames=4, size=64, readout="pool")
    model.backbone.freeze()
    training = HeadTraining(model, easy(model, labels), labels, TrainingConfig(epochs=40))
    found = dict(training.held_out())
    assert sorted(found) == [0, 1, 2, 3, 4, 5]  # 6 is alone in its class
    assert sum(int(scores.argmax()) == labels[number] for number, scores in found.items()) >= 5


def easy(model, labels):
    """Features of which each class has its own."""
    frames = torch.randn(len(labels), 1, 4, model.backbone.channels)
    frames += 3 * torch.randn(3, model.backbone.channels)[labels][:, None, None]
    return Encoded(frames, frames.new_empty(len(labels), 1, 3, 0))


def test_many_takes_share_trainings_and_none_is_tested_by_one_that_it_was_in(monkeypatch):
    torch.manual_seed(0)
    labels = torch.tensor([0, 1] * 17 + [2])
    model = TransNet(TINY_BACKBONE, 3, num_frames=4, size=64, readout="pool")
    model.backbone.freeze()
    training = HeadTraining(model, easy(model, labels), labels, TrainingConfig(epochs=1))
    fit, learned = training.fit, []
    monkeypatch.setattr(training, "fit", lambda members: (learned.append(members), fit(members)))
    tested = []
    for number, _ in training.held_out():
        assert number not in learned[-1]
        tested.append(number)
    assert sorted(tested) == list(range(34))
    assert len(learned) == MOST_TRAININGS


def test_a_training_asked_for_stays_in_sight(clips_folder, tmp_path):
    """From the moment it is asked for, whatever the process does before it."""
    project = Project(tmp_path / "project")
    for label in ("boxing", "walking"):
        name = project.add_class(label, project.version).id
        for video in sorted((clips_folder / label).rglob("*.avi"))[:2]:
            take, path = project.new_take(name, ".avi")
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(video, path)
            project.add_take(name, take, path, 0.8, 16)
    seen = []

    async def hear(event):
        if not seen or seen[-1] != teacher.state.stage:
            seen.append(teacher.state.stage)
        if event["kind"] == "trained":
            trained.set()

    async def teach():
        teacher.start()
        await teacher.train()  # while the process imports torch
        assert teacher.state.stage == "waiting"
        await asyncio.wait_for(trained.wait(), 120)
        await teacher.stop()

    trained = asyncio.Event()
    teacher = Teacher(project, TINY_BACKBONE, "none", hear)
    asyncio.run(teach())
    assert seen[0] == "training"
    assert "ready" not in seen[: seen.index("testing")]
