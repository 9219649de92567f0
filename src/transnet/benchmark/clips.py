"""Clips, our network against 3D networks, each in every runtime that can run it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from transnet.benchmark.baselines import BASELINES, make_baseline
from transnet.benchmark.contest import Entrant, Outcome, contest, reason
from transnet.benchmark.measurement import Limit, Measurement, measurement
from transnet.benchmark.setting import NUM_CLASSES, Setting, fastest
from transnet.runtimes.engines import Engine
from transnet.utils.progress import progress_bar


@dataclass
class _Competitor:
    """A network and the shape of its clips."""

    what: str
    make: Callable[[], nn.Module]
    frames: int
    size: int
    times_slower: float
    note: str = ""

    def clips(self, batch: int) -> Tensor:
        return torch.randn(batch, self.frames, 3, self.size, self.size)

    def among(self, entrants: Iterable[Entrant]) -> list[Entrant]:
        return [entrant for entrant in entrants if entrant.what == self.what]


def measure_part(setting: Setting) -> list[Measurement]:
    """One clip in every runtime, then larger batches in the fastest runtime of each network."""
    competitors = _competitors(setting)
    engines, rows = _open(setting, competitors)
    chosen = list(engines)
    for batch in setting.batches:
        calls = {
            entrant: _call(engines[entrant], competitor.clips(batch))
            for competitor in competitors
            for entrant in competitor.among(chosen)
        }
        outcome = contest(f"clips, batch {batch}", calls, setting.schedule)
        best = [fastest(outcome, competitor.among(chosen)) for competitor in competitors]
        rows += _rows(setting, competitors, outcome, chosen, best, batch)
        chosen = [entrant for entrant in best if entrant is not None]
    return rows


def _competitors(setting: Setting) -> list[_Competitor]:
    frames, size = setting.clip.frames, setting.clip.size
    ours = f"{setting.backbone}, {frames} x {size}"
    competitors = [_Competitor(ours, lambda: setting.recognizer().model, frames, size, 0)]
    for name in setting.baselines:
        baseline = BASELINES[name]
        frames, size = baseline.frames, baseline.size
        if setting.miniature or (setting.same_clips and not baseline.fixed):
            frames, size = setting.clip.frames, setting.clip.size

        def make(name: str = name, frames: int = frames, size: int = size) -> nn.Module:
            return make_baseline(name, NUM_CLASSES, frames, size)

        competitors.append(
            _Competitor(f"{name}, {frames} x {size}", make, frames, size, baseline.times_slower)
        )
    return competitors


def _open(
    setting: Setting, competitors: list[_Competitor]
) -> tuple[dict[Entrant, Engine], list[Measurement]]:
    """Every network in every runtime, and rows of those that cannot run there."""
    engines: dict[Entrant, Engine] = {}
    rows: list[Measurement] = []

    def fails(what: str, runtime: str, error: Exception) -> None:
        rows.append(Measurement("clips", what, runtime, 1, setting.threads, note=reason(error)))

    total = len(competitors) * len(setting.runtimes)
    with progress_bar("preparing networks", total, "networks") as bar:
        for competitor in competitors:
            example = competitor.clips(1)
            try:
                network = competitor.make()
                competitor.note = describe(network, example)
            except Exception as error:
                fails(competitor.what, "", error)
                bar.update(len(setting.runtimes))
                continue
            for runtime in setting.runtimes:
                entrant = Entrant(competitor.what, runtime)
                try:
                    engines[entrant] = setting.engine(competitor.what, network, example, runtime)
                except Exception as error:
                    fails(*entrant, error)
                bar.update(1)
    return engines, rows


def _rows(
    setting: Setting,
    competitors: list[_Competitor],
    outcome: Outcome,
    chosen: list[Entrant],
    best: list[Entrant | None],
    batch: int,
) -> list[Measurement]:
    """Rows relative to ours in its fastest runtime; limits hold for each fastest runtime only."""
    ours = best[0]
    rows = []
    for competitor, champion in zip(competitors, best, strict=True):
        for entrant in competitor.among(chosen):
            limit: Limit | None = None
            if entrant == champion and competitor.times_slower and batch == 1:
                limit = setting.limit("ratio", at_least=competitor.times_slower)
            rows.append(
                measurement(
                    outcome,
                    entrant,
                    part="clips",
                    threads=setting.threads,
                    batch=batch,
                    per=batch,
                    reference=() if ours in (None, entrant) else (ours,),
                    limit=limit,
                    note=competitor.note,
                )
            )
    return rows


def _call(engine: Engine, clips: Tensor) -> Callable[[], object]:
    return lambda: engine(clips)


def describe(network: nn.Module, example: Tensor) -> str:
    """Parameters, and operations per clip (a multiply-add counts as two)."""
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network(example)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return f"{parameters / 1e6:.1f} M parameters, {counter.get_total_flops() / 1e9:.1f} GFLOP"
