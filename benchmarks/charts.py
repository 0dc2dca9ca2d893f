"""Draws the charts of docs/performance.md: ``make bench | python -m benchmarks.charts``.

Each line of stdin is what a benchmark printed.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import orjson

DOCS = Path(__file__).resolve().parent.parent / "docs"
WIDTH, LABELS, VALUES = 720, 190, 130
BAR, GAP, TOP, BOTTOM = 18, 14, 64, 16
STYLE = """
    .bars0 { fill: #9aa5af; } .bars1 { fill: #2f7d55; } .bars2 { fill: #7dbb98; }
    .paper { fill: #ffffff; stroke: #d5dbe0; }
    text { fill: #1d252c; } .quiet { fill: #56616b; } .label { text-anchor: end; }
    .head { font-weight: 600; font-size: 15px; }
    @media (prefers-color-scheme: dark) {
      .bars0 { fill: #737f8a; } .bars1 { fill: #5fbf8c; } .bars2 { fill: #356b50; }
      .paper { fill: #161b20; stroke: #38424b; }
      text { fill: #eef2f5; } .quiet { fill: #a9b4bd; }
    }
"""


@dataclass(frozen=True)
class Bar:
    """``kind`` is the place of its name in the legend."""

    kind: int
    value: float
    text: str


@dataclass(frozen=True)
class Row:
    label: str
    bars: Sequence[Bar]


@dataclass(frozen=True)
class Chart:
    """Groups of bars; drawn on one scale, or each group on its own."""

    title: str
    legend: Sequence[str]
    rows: Sequence[Row]
    one_scale: bool

    def draw(self) -> str:
        height = TOP + sum(len(row.bars) * BAR + GAP for row in self.rows) + BOTTOM
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
            ' aria-labelledby="t d" font-family="system-ui, sans-serif" font-size="13">',
            f'<title id="t">{escape(self.title)}</title>',
            f'<desc id="d">{escape("; ".join(self._tell()))}</desc>',
            f"<style>{STYLE}</style>",
            _rectangle("paper", 0.5, 0.5, WIDTH - 1, height - 1),
            _text("head", 20, 28, self.title),
            *self._draw_legend(),
            *self._draw_rows(),
            "</svg>",
        ]
        return "\n".join(lines) + "\n"

    def _tell(self) -> Iterator[str]:
        """The same in words."""
        for row in self.rows:
            bars = ", ".join(f"{self.legend[bar.kind]} {bar.text}" for bar in row.bars)
            yield f"{row.label}: {bars}"

    def _draw_legend(self) -> Iterator[str]:
        x = 20
        for kind, name in enumerate(self.legend):
            yield _rectangle(f"bars{kind}", x, 40, 11, 11)
            yield _text("quiet", x + 17, 50, name)
            x += 40 + 7 * len(name)

    def _draw_rows(self) -> Iterator[str]:
        longest = max(bar.value for row in self.rows for bar in row.bars)
        y = TOP
        for row in self.rows:
            scale = longest if self.one_scale else max(bar.value for bar in row.bars)
            yield _text("label", LABELS - 12, y + len(row.bars) * BAR // 2 + 3, row.label)
            for bar in row.bars:
                width = max(2.0, (WIDTH - LABELS - VALUES) * bar.value / scale)
                yield _rectangle(f"bars{bar.kind}", LABELS, y, width, BAR - 3)
                yield _text("quiet", LABELS + width + 7, y + 12, bar.text)
                y += BAR
            y += GAP


def _rectangle(name: str, x: float, y: float, width: float, height: float) -> str:
    place = f'x="{x:g}" y="{y:g}" width="{width:.1f}" height="{height:g}"'
    return f'  <rect class="{name}" {place} rx="2"/>'


def _text(name: str, x: float, y: float, text: str) -> str:
    return f'  <text class="{name}" x="{x:.1f}" y="{y:g}">{escape(text)}</text>'


def draw_answers(figures: Mapping[str, Any]) -> Chart:
    """Milliseconds of the usual questions, one client."""
    listing = figures["listing"]["figures"]
    names = {
        "page": "page of 50",
        "search": "search",
        "detail": "one ROM",
        "platforms": "platforms",
    }
    sizes = list(listing["roms"].items())
    rows = []
    for name, label in names.items():
        theirs = listing["romm_5_2"][name]["p50"]
        bars = [Bar(0, theirs, f"{theirs:g} ms")]
        for kind, (_, size) in enumerate(sizes, start=1):
            ours = size["cases"][name]["c1"]["p50"]
            bars.append(Bar(kind, ours, f"{ours:.1f} ms"))
        rows.append(Row(label, bars))
    ours_with = [f"romm_lite, {int(size):,} ROMs" for size, _ in sizes]
    return Chart(
        "Milliseconds within which half of all answers come (less is better)",
        ["RomM 5.2, 10,000 ROMs", *ours_with],
        rows,
        one_scale=True,
    )


def draw_program(figures: Mapping[str, Any]) -> Chart:
    """What the program as a whole does, each row in its own unit."""
    scan, startup = figures["scan"]["figures"], figures["startup"]["figures"]
    listing = figures["listing"]["figures"]
    large = listing["roms"][max(listing["roms"], key=int)]
    theirs = listing["romm_5_2"]

    def row(label: str, unit: str, romm: float, ours: float) -> Row:
        return Row(label, [Bar(n, v, f"{v:,.4g} {unit}") for n, v in enumerate((romm, ours))])

    return Chart(
        "The program as a whole (↑ more is better, ↓ less is better)",
        ["RomM 5.2", "romm_lite"],
        [
            row(
                "first scan with hashes ↑",
                "ROMs/s",
                scan["romm_5_2"]["roms_per_s"],
                scan["files_of_16_kib"]["first_with_hashes"]["roms_per_s"],
            ),
            row(
                "pages, 16 clients ↑",
                "/s",
                theirs["page"]["requests_per_s"],
                large["cases"]["page"]["c16"]["requests_per_s"],
            ),
            row(
                "heartbeats, 16 clients ↑",
                "/s",
                theirs["heartbeat"]["requests_per_s"],
                large["cases"]["heartbeat"]["c16"]["requests_per_s"],
            ),
            row(
                "start to first answer ↓",
                "s",
                startup["romm_5_2"]["seconds"],
                startup["seconds"]["median"],
            ),
            row("memory ↓", "MB", theirs["resident_mb"], large["resident_mb"]["after"]),
        ],
        one_scale=False,
    )


def main() -> None:
    found = [orjson.loads(line) for line in sys.stdin if line.startswith("{")]
    figures = {each["benchmark"]: each for each in found}
    charts = {"answers": draw_answers(figures), "program": draw_program(figures)}
    for name, chart in charts.items():
        path = DOCS / f"performance-{name}.svg"
        path.write_text(chart.draw(), encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()
