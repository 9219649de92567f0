"""How long an archive takes: a simulation of the stages of ``transnet label``, and a bill.

The simulation is that of :func:`~transnet.archive.stages.run_stages`: the same threads, batches and
bounded queues, with work that lasts as long as it was measured to last. Threads that compute share
the cores evenly, the GPU does one batch after the other, and connections do not slow each other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Resource = Literal["network", "core", "gpu"]
DAY_S = 86400.0


@dataclass(frozen=True)
class VideoCost:
    """What one video takes.

    Attributes:
        fetch_s: seconds of a connection.
        decode_s: core seconds of decoding, sampling and resizing.
        backbone_s: core seconds of the backbone, or its share of the GPU seconds of a batch.
        bytes: size of the file.
    """

    fetch_s: float
    decode_s: float
    backbone_s: float
    bytes: float = 0.0


@dataclass(frozen=True)
class Machine:
    """One machine of a labeling job.

    Attributes:
        cores: cores that the job has.
        workers: ``--workers``, decoding threads, and on a CPU threads of the backbone.
        batch: ``--batch``.
        gpu: whether the backbone runs on a GPU.
        fetchers: connections.
        price_h: money an hour.
    """

    cores: float
    workers: int
    batch: int = 1
    gpu: bool = False
    fetchers: int = 8
    price_h: float = 0.0


@dataclass(frozen=True)
class Plan:
    """What an archive takes.

    Attributes:
        rate: videos a second of one machine.
        machines: how many.
        days: how long.
        price: of the machines, in the money of ``price_h``.
        source_tb: terabytes that are read.
        output_gb: gigabytes of Parquet.
    """

    rate: float
    machines: int
    days: float
    price: float
    source_tb: float
    output_gb: float


@dataclass
class _Stage:
    resource: Resource
    workers: int
    batch: int
    capacity: float
    waiting: list[VideoCost] = field(default_factory=list)  # the queue in front of it
    blocked: list[list[VideoCost]] = field(default_factory=list)  # done, no room further on
    running: int = 0


@dataclass
class _Job:
    stage: int
    videos: list[VideoCost]
    left_s: float


def simulate(videos: Sequence[VideoCost], machine: Machine) -> float:
    """Seconds that one machine takes for some videos, from the first fetch to the last row.

    Example:
        >>> cost = VideoCost(fetch_s=0.0, decode_s=0.1, backbone_s=0.3)
        >>> round(simulate([cost] * 100, Machine(cores=2, workers=2)))
        20
    """
    stages = _stages(machine)
    stages[0].waiting = list(reversed(videos))
    jobs: list[_Job] = []
    now_s = 0.0
    while True:
        _move(stages, jobs)
        if not jobs:
            return now_s
        speeds = [_speed(stages[job.stage].resource, stages, jobs, machine) for job in jobs]
        step_s = min(job.left_s / speed for job, speed in zip(jobs, speeds, strict=True))
        now_s += step_s
        for job, speed in zip(jobs, speeds, strict=True):
            job.left_s -= step_s * speed
        for job in [job for job in jobs if job.left_s <= 1e-12]:
            jobs.remove(job)
            stages[job.stage].blocked.append(job.videos)


def plan(
    videos: Sequence[VideoCost],
    machine: Machine,
    *,
    count: int,
    machines: int,
    row_bytes: float,
) -> Plan:
    """Size an archive.

    Args:
        videos: a sample, some hundreds, of what the archive holds.
        machine: one of the machines.
        count: videos of the archive.
        machines: how many machines.
        row_bytes: of a video in the Parquet parts.
    """
    rate = len(videos) / simulate(videos, machine)
    days = count / (rate * machines) / DAY_S
    size = sum(video.bytes for video in videos) / len(videos)
    return Plan(
        rate=rate,
        machines=machines,
        days=days,
        price=days * 24 * machines * machine.price_h,
        source_tb=count * size / 1e12,
        output_gb=count * row_bytes / 1e9,
    )


def machines_for(rate: float, count: int, days: float) -> int:
    """Machines of a rate, in videos a second, that label so many videos in so many days."""
    return math.ceil(count / (rate * days * DAY_S))


def _stages(machine: Machine) -> list[_Stage]:
    """As :class:`~transnet.archive.labeler.Labeler` lays them out."""
    capacity = max(2 * machine.workers, 2 * machine.batch)
    backbones = 1 if machine.gpu else machine.workers
    return [
        _Stage("network", machine.fetchers, 1, math.inf),
        _Stage("core", machine.workers, 1, machine.workers),
        _Stage("gpu" if machine.gpu else "core", backbones, machine.batch, capacity),
    ]


def _move(stages: list[_Stage], jobs: list[_Job]) -> None:
    """Hand over what is done and begin what can begin, until nothing moves."""
    moved = True
    while moved:
        moved = False
        for number in reversed(range(len(stages))):
            stage = stages[number]
            following = stages[number + 1] if number + 1 < len(stages) else None
            while stage.blocked:
                if following is not None and len(following.waiting) >= following.capacity:
                    break
                videos = stage.blocked[0]
                video = videos.pop()
                if following is not None:
                    following.waiting.insert(0, video)
                if not videos:
                    stage.blocked.pop(0)
                    stage.running -= 1
                moved = True
            while _can_begin(number, stages):
                taken = [stage.waiting.pop() for _ in range(min(stage.batch, len(stage.waiting)))]
                jobs.append(_Job(number, taken, sum(_cost(number, video) for video in taken)))
                stage.running += 1
                moved = True


def _can_begin(number: int, stages: list[_Stage]) -> bool:
    stage = stages[number]
    is_last = not any(s.waiting or s.running for s in stages[:number])
    enough = len(stage.waiting) >= stage.batch or (is_last and bool(stage.waiting))
    return enough and stage.running < stage.workers


def _cost(number: int, video: VideoCost) -> float:
    return (video.fetch_s, video.decode_s, video.backbone_s)[number]


def _speed(resource: Resource, stages: list[_Stage], jobs: list[_Job], machine: Machine) -> float:
    if resource != "core":
        return 1.0
    busy = sum(stages[job.stage].resource == "core" for job in jobs)
    return min(1.0, machine.cores / busy)
