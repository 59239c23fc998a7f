"""Small plots as SVG, for reports that are one file."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

__all__ = ["bars", "figure", "lines"]

_WIDTH, _HEIGHT, _EDGE = 420, 260, 46
_COLOURS: Final = ("#d97706", "#94a3b8", "#0284c7", "#15803d")


def lines(series: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """Each series as a line through its points, with the ends of both axes written out."""
    points = [point for line in series.values() for point in line]
    if not points:
        return ""
    (left, right), (low, high) = (_span([point[at] for point in points]) for at in (0, 1))

    def place(x: float, y: float) -> str:
        across = _EDGE + (x - left) / (right - left) * (_WIDTH - 2 * _EDGE)
        up = _HEIGHT - _EDGE - (y - low) / (high - low) * (_HEIGHT - 2 * _EDGE)
        return f"{across:.1f},{up:.1f}"

    drawn = "".join(
        f'<polyline fill="none" stroke="{colour}" stroke-width="2" '
        f'points="{" ".join(place(*point) for point in line)}"/>'
        f'<text x="{_EDGE + 6}" y="{_EDGE + 14 * at}" fill="{colour}">{escape(name)}</text>'
        for at, ((name, line), colour) in enumerate(zip(series.items(), _COLOURS, strict=False))
    )
    axis = (
        f'<path d="M{_EDGE} {_EDGE - 16}V{_HEIGHT - _EDGE}H{_WIDTH - _EDGE}" fill="none" stroke="#334155"/>'
        f'<text x="{_EDGE - 4}" y="{_HEIGHT - _EDGE}" text-anchor="end">{low:.3g}</text>'
        f'<text x="{_EDGE - 4}" y="{_EDGE}" text-anchor="end">{high:.3g}</text>'
        f'<text x="{_EDGE}" y="{_HEIGHT - _EDGE + 16}">{left:.3g}</text>'
        f'<text x="{_WIDTH - _EDGE}" y="{_HEIGHT - _EDGE + 16}" text-anchor="end">{right:.3g}</text>'
    )
    return _svg(axis + drawn, _HEIGHT)


def bars(values: Sequence[tuple[str, float]]) -> str:
    """Named values, 0 or more, one below the other."""
    most = max((value for _, value in values), default=0.0) or 1.0
    rows = "".join(
        f'<text x="{_WIDTH / 2 - 6}" y="{18 * at + 14}" text-anchor="end">{escape(name)}</text>'
        f'<rect x="{_WIDTH / 2}" y="{18 * at + 3}" width="{value / most * (_WIDTH / 2 - 50):.1f}" height="13" '
        f'fill="{_COLOURS[0]}"/><text x="{_WIDTH / 2 + value / most * (_WIDTH / 2 - 50) + 4:.1f}" y="{18 * at + 14}">'
        f"{value:.3f}</text>"
        for at, (name, value) in enumerate(values)
    )
    return _svg(rows, 18 * len(values) + 8)


def figure(svg: str, title: str) -> str:
    """A picture in a page, with words above it."""
    return f"<figure><figcaption>{escape(title)}</figcaption>{svg}</figure>"


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _svg(inside: str, height: int) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" '
        f'font-size="11" font-family="system-ui,sans-serif" role="img">{inside}</svg>'
    )
