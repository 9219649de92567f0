"""Draw the layers of the package and a clip's path through them, from the imports of the code.

::

    python -m scripts.draw_architecture
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path

from scripts.layers import LAYERS, LEVEL, imports, room, room_imports, summary

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "architecture.md"
PICTURE = DOCS / "architecture.svg"

# One clip's path from ``transnet train`` to the pixels. Each file is imported by the one before,
# or by the same file as the one before.
PATH = (
    ("experiments.train", "decide whether this is one run or a grid of splits and seeds"),
    ("training.train_run", "split the dataset, build the network, train it, save the run"),
    ("training.clip_data", "prepare the clips: features or cached frames, and data loaders"),
    ("inference.features", "encode each frame with the frozen backbone"),
    ("data.cache.filling", "look each clip up in the cache; decode missing clips in threads"),
    ("data.clips", "turn one video and its views into arrays of frames"),
    ("data.video.reader", "decode the sampled frames, with their times"),
    ("data.preprocessing", "resize, crop, and flip to uint8 RGB"),
)

WIDTH, LEFT, MIDDLE = 1000, 16, 560
ROW, GAP, LINE = 40, 10, 20
STYLE = """
text { font: 14px system-ui, sans-serif; fill: #1f2328; }
.faint { font-size: 12px; fill: #59636e; }
.name { font-weight: 600; }
.room { fill: #ddf4ff; stroke: #54aeff; }
.layer { fill: none; stroke: #d1d9e0; }
.path { fill: none; stroke: #bc4c00; stroke-width: 2; }
.stop { fill: #bc4c00; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; }
  .faint { fill: #9198a1; }
  .room { fill: #0c2d6b; stroke: #388bfd; }
  .layer { stroke: #3d444d; }
  .path { stroke: #f0883e; }
  .stop { fill: #f0883e; }
}
"""


def picture() -> str:
    """The SVG: a row for each layer, its rooms on the left, the clip's path on the right."""
    rows: list[str] = []
    path: list[tuple[int, str, float]] = []
    y = 44
    for level in reversed(range(len(LAYERS))):
        steps = [(i, name) for i, (name, _) in enumerate(PATH, 1) if _level(name) == level]
        height = max(ROW, LINE * len(steps) + GAP)
        rows.extend(_layer(level, y, height))
        for order, (number, name) in enumerate(steps):
            path.append((number, name, y + height / 2 + LINE * (order - (len(steps) - 1) / 2)))
        y += height + GAP
    line = " ".join(f"{MIDDLE + 20},{place:g}" for _, _, place in path)
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" role="img"'
        ' aria-label="The layers of the package and the path of a clip through them">',
        f"<style>{STYLE}</style>",
        f'<text class="faint" x="{LEFT}" y="28">Layers: imports point down only</text>',
        f'<text class="faint" x="{MIDDLE + 12}" y="28">Path of a clip in transnet train</text>',
        *rows,
        f'<polyline class="path" points="{line}"/>',
        *(_stop(*stop) for stop in path),
        "</svg>",
        "",
    ])  # fmt: skip


def _rooms(level: int) -> list[str]:
    """The rooms of a layer that exist, in order."""
    existing = {room(module) for module in imports()}
    return [name for name in LAYERS[level] if name in existing]


def _level(name: str) -> int:
    return LEVEL[room(f"transnet.{name}")]


def _layer(level: int, y: float, height: float) -> Iterator[str]:
    """The frame of a layer and a box for each of its rooms."""
    yield f'<rect class="layer" x="4" y="{y}" width="{WIDTH - 8}" height="{height}" rx="6"/>'
    rooms = _rooms(level)
    width = (MIDDLE - LEFT - GAP * (len(rooms) - 1)) / len(rooms)
    for order, name in enumerate(rooms):
        x = LEFT + order * (width + GAP)
        yield (
            f'<rect class="room" x="{x:g}" y="{y + 5}" width="{width:g}" height="{height - 10}"'
            ' rx="4"/>'
        )
        yield (
            f'<text class="name" x="{x + width / 2:g}" y="{y + height / 2 + 5:g}"'
            f' text-anchor="middle">{name}</text>'
        )


def _stop(number: int, name: str, y: float) -> str:
    return (
        f'<circle class="stop" cx="{MIDDLE + 20}" cy="{y:g}" r="4"/>'
        f'<text x="{MIDDLE + 34}" y="{y + 5:g}">{number}. {escape(name.replace(".", "/"))}.py'
        "</text>"
    )


def rendered(page: str) -> str:
    """The page with its two lists, each between a comment that names it and ``<!-- end -->``."""
    fills = {"path": _path_list, "rooms": _room_table}
    return re.sub(
        r"<!-- (path|rooms) -->\n.*?<!-- end -->",
        lambda match: f"<!-- {match[1]} -->\n{fills[match[1]]()}\n<!-- end -->",
        page,
        flags=re.DOTALL,
    )


def _path_list() -> str:
    lines = []
    for number, (name, what) in enumerate(PATH, 1):
        file = f"{name.replace('.', '/')}.py"
        lines.append(f"{number}. `src/transnet/{file}`: {what}")
    return "\n".join(lines)


def _room_table() -> str:
    found = room_imports(imports())
    lines = ["| room | subject | imports |", "| --- | --- | --- |"]
    for level in reversed(range(len(LAYERS))):
        for name in _rooms(level):
            below = sorted(found.get(name, ()), key=lambda other: (-LEVEL[other], other))
            subject = summary(f"transnet.{name}").replace("``", "`")
            lines.append(f"| `{name}` | {subject} | {', '.join(below)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
    PAGE.write_text(rendered(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"saved to {PICTURE} and {PAGE}")
