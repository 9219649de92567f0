"""Counters of a server, as Prometheus reads them."""

from __future__ import annotations

import threading
from collections import Counter


class Metrics:
    """Counts requests, their seconds, frames of streams and labels given; for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: Counter[tuple[str, str]] = Counter()
        self._gauges: dict[str, float] = {}

    def add(self, name: str, amount: float = 1, **labels: str | int) -> None:
        """Increase a counter."""
        inner = ",".join(f'{key}="{_escaped(str(value))}"' for key, value in labels.items())
        with self._lock:
            self._values[(name, inner)] += amount  # type: ignore[assignment]

    def set(self, name: str, value: float) -> None:
        """Set a gauge."""
        with self._lock:
            self._gauges[name] = value

    def text(self) -> str:
        """All of them in Prometheus' text format."""
        with self._lock:
            counters, gauges = sorted(self._values.items()), sorted(self._gauges.items())
        lines: list[str] = []
        seen = ""
        for (name, labels), value in counters:
            if name != seen:
                lines.append(f"# TYPE transnet_{name} counter")
                seen = name
            lines.append(f"transnet_{name}{{{labels}}} {value:g}")
        for name, gauge in gauges:
            lines += [f"# TYPE transnet_{name} gauge", f"transnet_{name} {gauge:g}"]
        return "\n".join(lines) + "\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
