"""Draws what an item costs in networks of different sizes and volumes, from runs that were kept.

    python -m tests.simulation.europe.plot docs/scaling.ndjson docs/scaling.svg

One line of the input is one run, as `--append FILE` of the simulation writes it. One bar is one
run: milliseconds of processor time an item, by what they were spent on.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

Run = dict[str, Any]

COLOURS = {
    "intake": "#4e79a7",
    "deeds": "#59a14f",
    "judging": "#edc948",
    "delivery": "#e15759",
    "rest": "#bab0ac",
}
LEFT, TOP, BAR, STEP, WIDTH, PX_PER_MS = 250, 46, 16, 24, 860, 10


def parts(run: Run) -> dict[str, float]:
    """Milliseconds an item, by what was done; `rest` is the harness."""
    each = {name: 1000 * run["cpu_s"][name] / run["items"] for name in COLOURS if name != "rest"}
    return each | {"rest": max(0.0, 1000 * run["cpu_s"]["all"] / run["items"] - sum(each.values()))}


def draw(runs: Sequence[Run]) -> str:
    """Return the drawing, as SVG."""
    height = TOP + STEP * len(runs) + 34
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}"'
        ' font-family="sans-serif" font-size="12">'
    )
    return "\n".join([head, *_legend(), *_bars(runs), "</svg>", ""])


def _legend() -> Iterator[str]:
    yield (
        f'<rect width="{WIDTH}" height="100%" fill="white"/>'
        '<text x="10" y="20" font-weight="bold">Processor time of an item, whole network, ms</text>'
    )
    for number, (name, colour) in enumerate(COLOURS.items()):
        x = LEFT + 110 * number
        yield f'<rect x="{x}" y="28" width="10" height="10" fill="{colour}"/>'
        yield f'<text x="{x + 14}" y="38">{name}</text>'


def _bars(runs: Sequence[Run]) -> Iterator[str]:
    for number, run in enumerate(runs):
        y, x = TOP + STEP * number, float(LEFT)
        label = f"{run['members']} members, {run['items']} items in {run['days']} d"
        yield f'<text x="10" y="{y + 13}">{label}</text>'
        for name, ms in parts(run).items():
            width = ms * PX_PER_MS
            colour = COLOURS[name]
            yield f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>'
            x += width
        pushes = run["counted"]["pushes"] / run["items"]
        total = sum(parts(run).values())
        yield f'<text x="{x + 6:.1f}" y="{y + 13}">{total:.1f}; {pushes:.2f} pushes an item</text>'


def read(path: Path) -> list[Run]:
    """Read the runs of a file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(draw(read(Path(sys.argv[1]))), encoding="utf-8")
