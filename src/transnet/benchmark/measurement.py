"""A measurement: what was timed, against which reference, and whether its limit holds."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from transnet.benchmark.contest import Entrant, Outcome

Quantity = Literal["ratio", "ms", "ms more"]


@dataclass(frozen=True)
class Limit:
    """A limit that a measurement must keep.

    Attributes:
        of: the ratio to the reference, the milliseconds, or the milliseconds above the reference.
        bound: ``at most`` or ``at least``.
        value: the limit.
    """

    of: Quantity
    bound: Literal["at most", "at least"]
    value: float

    def holds(self, value: float) -> bool:
        """Whether a value keeps the limit."""
        compare = operator.le if self.bound == "at most" else operator.ge
        return compare(value, self.value)

    def __str__(self) -> str:
        return f"{self.of} {self.bound} {self.value:.4g}"


@dataclass(frozen=True)
class Measurement:
    """One measured operation; a row of benchmark.csv, together with the machine.

    Attributes:
        part: part of the benchmark.
        what: the operation.
        runtime: runtime of the network; empty where there is none.
        batch: clips or frames per call.
        threads: CPU threads.
        ms: median milliseconds; ``None`` if it could not be measured.
        ratio: time relative to the reference, median over the rounds.
        reference: what it is compared with.
        limit: the limit, in words.
        reached: whether the limit holds; ``None`` without a limit.
        rounds: number of rounds behind the medians.
        note: why there are no figures, or a remark.
        setting: our network and its clips.
    """

    part: str
    what: str
    runtime: str
    batch: int
    threads: int
    ms: float | None = None
    ratio: float | None = None
    reference: str = ""
    limit: str = ""
    reached: bool | None = None
    rounds: int = 0
    note: str = ""
    setting: str = ""


def measurement(
    outcome: Outcome,
    entrant: Entrant,
    *,
    part: str,
    threads: int,
    reference: Sequence[Entrant] = (),
    limit: Limit | None = None,
    per: int = 1,
    batch: int = 1,
    what: str = "",
    note: str = "",
) -> Measurement:
    """The measurement of an entrant.

    Args:
        outcome: the outcome of its contest.
        entrant: the entrant.
        part: part of the benchmark.
        threads: CPU threads.
        reference: what to compare it with; several references are summed.
        limit: the limit to keep, if any.
        per: items processed by one call; the milliseconds are per item.
        batch: clips or frames per call.
        what: name of the operation, if it differs from the entrant's.
        note: a remark.
    """
    common: dict[str, Any] = {
        "part": part,
        "what": what or entrant.what,
        "runtime": entrant.runtime,
        "batch": batch,
        "threads": threads,
    }
    if entrant in outcome.failed:
        return Measurement(**common, note=outcome.failed[entrant])
    missing = [other for other in reference if other in outcome.failed]
    if missing:
        note = f"no {missing[0].what} to compare with"
        reference = ()
    ms = 1000 * outcome.seconds(entrant) / per
    values: dict[Quantity, float | None] = {"ms": ms}
    if reference:
        values["ratio"] = outcome.ratio(entrant, *reference)
        values["ms more"] = 1000 * outcome.excess_s(entrant, reference[0]) / per
    value = None if limit is None else values.get(limit.of)
    return Measurement(
        **common,
        ms=ms,
        ratio=values.get("ratio"),
        reference=" + ".join(_named(other, entrant) for other in reference),
        limit="" if limit is None else str(limit),
        reached=None if limit is None or value is None else limit.holds(value),
        rounds=len(outcome.rounds[entrant]),
        note=note,
    )


def _named(reference: Entrant, entrant: Entrant) -> str:
    same = reference.runtime in ("", entrant.runtime)
    return reference.what if same else f"{reference.what}, {reference.runtime}"
