"""Drawing charts as SVG with the standard library alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, isfinite, log10

COLOURS = ("#0b57a4", "#b35900", "#1a7f37", "#8250df", "#bc2f5d", "#57606a", "#0e8a8a", "#7a5c00")
"""Dark enough on white for print; charts repeat them after the eighth series and add dashes."""

WIDTH, HEIGHT = 720, 380
_LEFT, _RIGHT, _TOP, _BOTTOM = 78, 18, 14, 52
_TICKS = 6
_LEGEND = 18
_LONGEST = 90
_NARROWEST = 1e-12

Point = tuple[float, float]
"""In the units of the axes."""


@dataclass(frozen=True)
class Axis:
    """From one end of the chart to the other.

    Raises:
        ValueError: ends that are not numbers in ascending order, or a logarithm of what is not above 0.
    """

    title: str
    """What is measured, and its unit."""

    low: float
    """The left or lower end."""

    high: float
    """The right or upper end."""

    logarithmic: bool = False
    """Whether equal distances are equal ratios."""

    def __post_init__(self) -> None:
        if not (isfinite(self.low) and isfinite(self.high) and self.low < self.high):
            raise ValueError(f"axis '{self.title}' from {self.low} to {self.high}")
        if self.logarithmic and self.low <= 0:
            raise ValueError(f"logarithmic axis '{self.title}' from {self.low}")

    @classmethod
    def around(cls, title: str, values: Sequence[float], *, zero: bool = False, logarithmic: bool = False) -> Axis:
        """An axis that holds all values, with a little room; from 0 where ``zero`` is set."""
        low, high = min(values), max(values)
        if logarithmic:
            return cls(title, low / 1.3, high * 1.3, True)
        room = 0.06 * (high - low) or abs(high) * 0.1 or 1.0
        return cls(title, 0.0 if zero and low >= 0 else low - room, high + room)

    def share(self, value: float) -> float:
        """Where a value lies, 0 at the low end and 1 at the high one."""
        if self.logarithmic:
            return (log10(max(value, _NARROWEST)) - log10(self.low)) / (log10(self.high) - log10(self.low))
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        """Round values within the axis."""
        if self.logarithmic:
            decades = range(floor(log10(self.low)), ceil(log10(self.high)) + 1)
            return [step * 10.0**decade for decade in decades for step in (1, 2, 5) if self._holds(step * 10.0**decade)]
        rough = (self.high - self.low) / _TICKS
        unit = 10.0 ** floor(log10(rough))
        step = next(factor * unit for factor in (1, 2, 5, 10) if factor * unit >= rough)
        first = ceil(self.low / step)
        return [round(number * step, 12) for number in range(first, floor(self.high / step) + 1)]

    def _holds(self, value: float) -> bool:
        return self.low <= value <= self.high


class Drawing:
    """A chart that grows: axes first, then what lies in them; ``finish`` gives the element.

    Args:
        across: the horizontal axis.
        up: the vertical one.
        description: for those who cannot see it.
        height: of the drawing, in its own units; it is as wide as its place.
    """

    def __init__(self, across: Axis, up: Axis, description: str, height: int = HEIGHT) -> None:
        self._across, self._up, self._height, self._rows = across, up, height, 0
        self._parts = [f"<title>{escape(description)}</title>"]
        self._frame()

    def line(self, points: Sequence[Point], number: int = 0) -> None:
        """Join points in the colour of a series."""
        path = " ".join(f"{self._x(x):.1f},{self._y(y):.1f}" for x, y in points)
        dash = ' stroke-dasharray="6 4"' if number >= len(COLOURS) else ""
        self._parts.append(f'<polyline points="{path}" fill="none" stroke="{_colour(number)}" stroke-width="2"{dash}/>')

    def dot(self, point: Point, number: int = 0, name: str = "") -> None:
        """Mark a point, and write a name beside it."""
        x, y = self._x(point[0]), self._y(point[1])
        self._parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{_colour(number)}"/>')
        if name:
            end = x > WIDTH * 0.7
            self._write(name, x - 8 if end else x + 8, y - 7, "end" if end else "start", 12)

    def bar(self, row: int, rows: int, value: float, name: str) -> None:
        """A horizontal bar from the left edge, in one of equal rows, with its name and value written on it."""
        high = (self._height - _TOP - _BOTTOM) / rows
        y = _TOP + row * high
        width = max(self._x(value) - _LEFT, 1.0)
        self._parts.append(
            f'<rect x="{_LEFT}" y="{y + 2:.1f}" width="{width:.1f}" height="{max(high - 4, 2):.1f}" '
            f'fill="{_colour(0)}" fill-opacity="0.35"/>'
        )
        self._write(_short(name), _LEFT + 6, y + high / 2 + 4, "start", 12)

    def cell(self, corner: Point, opposite: Point, share: float) -> None:
        """Fill a rectangle between two corners, the darker the larger its share of what there is, 0 to 1."""
        (left, right), (top, bottom) = (
            sorted(map(self._x, (corner[0], opposite[0]))),
            sorted(map(self._y, (corner[1], opposite[1]))),
        )
        place = f'x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}"'
        self._parts.append(f'<rect {place} fill="{_colour(0)}" fill-opacity="{share:.3f}"/>')

    def legend(self, names: Sequence[str]) -> None:
        """Name the series in their colours, below the chart."""
        for number, name in enumerate(names):
            y = self._height + 8 + _LEGEND * self._rows
            stroke = f'stroke="{_colour(number)}" stroke-width="3"'
            self._parts.append(f'<line x1="{_LEFT}" y1="{y - 4}" x2="{_LEFT + 24}" y2="{y - 4}" {stroke}/>')
            self._write(_short(name), _LEFT + 32, y, "start", 12)
            self._rows += 1

    def finish(self) -> str:
        """The ``<svg>`` element."""
        inside = "\n".join(self._parts)
        height = self._height + (_LEGEND * self._rows + 4 if self._rows else 0)
        size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        return f'<svg role="img" {size} font-family="sans-serif">\n{inside}\n</svg>'

    def _frame(self) -> None:
        right, bottom = WIDTH - _RIGHT, self._height - _BOTTOM
        for value in self._across.ticks():
            x = self._x(value)
            self._parts.append(f'<line x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{bottom}" stroke="#e3e6ea"/>')
            self._write(f"{value:g}", x, bottom + 17, "middle", 12)
        for value in self._up.ticks() if self._up.title else []:
            y = self._y(value)
            self._parts.append(f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="#e3e6ea"/>')
            self._write(f"{value:g}", _LEFT - 7, y + 4, "end", 12)
        self._parts.append(f'<path d="M{_LEFT} {_TOP}V{bottom}H{right}" fill="none" stroke="#454c55"/>')
        self._write(self._across.title, (_LEFT + right) / 2, self._height - 12, "middle", 13)
        middle = (_TOP + bottom) / 2
        self._parts.append(
            f'<text transform="translate(17 {middle:.0f}) rotate(-90)" text-anchor="middle" font-size="13">'
            f"{escape(self._up.title)}</text>"
        )

    def _x(self, value: float) -> float:
        return _LEFT + self._across.share(value) * (WIDTH - _LEFT - _RIGHT)

    def _y(self, value: float) -> float:
        bottom = self._height - _BOTTOM
        return bottom - self._up.share(value) * (bottom - _TOP)

    def _write(self, text: str, x: float, y: float, anchor: str, size: int) -> None:
        self._parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="#1b1f24">{escape(text)}</text>'
        )


def _short(name: str) -> str:
    """What fits on a line of the drawing."""
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]
