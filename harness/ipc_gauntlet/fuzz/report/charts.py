"""Curves as SVG: small enough to stand inside a page, and readable without a script."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from ipc_gauntlet.fuzz.campaign.records import Growth

_WIDTH, _HEIGHT = 640, 180
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 12, 28
_STEPS = 4
_MINUTE, _HOUR = 60.0, 3600.0


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a chart.

    Attributes:
        label: What it shows.
        points: Seconds and values, in the order of time.
        css: Class that gives it its colour.
    """

    label: str
    points: tuple[tuple[float, float], ...]
    css: str


def curve(label: str, growth: Sequence[Growth], value: Callable[[Growth], float], css: str) -> Curve:
    """One number of a target over time."""
    return Curve(label, tuple((point.at, value(point)) for point in growth), css)


def chart(curves: Sequence[Curve]) -> str:
    """Draw curves over one axis of time that begins at nothing, steps between points.

    Returns:
        An `svg` element as text; text in it is escaped.
    """
    last = max((x for c in curves for x, _ in c.points), default=0.0) or 1.0
    most = max((y for c in curves for _, y in c.points), default=0.0) or 1.0
    svg = ET.Element("svg", viewBox=f"0 0 {_WIDTH} {_HEIGHT}", role="img")
    svg.set("class", "chart")
    ET.SubElement(svg, "title").text = ", ".join(c.label for c in curves)
    for step in range(_STEPS + 1):
        y = _y(most * step / _STEPS, most)
        _line(svg, _LEFT, y, _WIDTH - _RIGHT)
        _text(svg, _LEFT - 6, y + 4, short(most * step / _STEPS), "end")
        x = _x(last * step / _STEPS, last)
        _text(svg, x, _HEIGHT - 8, clock(last * step / _STEPS), "end" if step == _STEPS else "middle")
    for drawn in curves:
        if drawn.points:
            path = ET.SubElement(svg, "path", d=_path(drawn.points, last, most))
            path.set("class", f"curve {drawn.css}")
    return ET.tostring(svg, encoding="unicode")


def _x(at: float, last: float) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * at / last


def _y(value: float, most: float) -> float:
    return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * value / most


def _path(points: Sequence[tuple[float, float]], last: float, most: float) -> str:
    words = [f"M{_LEFT} {_y(0, most):.1f}"]
    for x, y in points:
        words.append(f"H{_x(x, last):.1f}V{_y(y, most):.1f}")
    return "".join([*words, f"H{_WIDTH - _RIGHT}"])


def _line(svg: ET.Element, x1: float, y: float, x2: float) -> None:
    line = ET.SubElement(svg, "line", x1=f"{x1}", x2=f"{x2}", y1=f"{y:.1f}", y2=f"{y:.1f}")
    line.set("class", "grid")


def _text(svg: ET.Element, x: float, y: float, text: str, anchor: str) -> None:
    element = ET.SubElement(svg, "text", {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor})
    element.text = text


def short(value: float) -> str:
    """A number in few characters: `950`, `1.2k`, `34M`."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            scaled = value / limit
            return f"{scaled:.1f}{unit}" if scaled < 10 else f"{scaled:.0f}{unit}"
    return f"{value:.0f}" if value == int(value) else f"{value:.1f}"


def clock(seconds: float) -> str:
    """A duration in few characters: `45 s`, `12 min`, `7.5 h`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 2 * _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < 2 * _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    return f"{seconds / _HOUR:.1f} h"
