"""Pictures on sign plates and traffic lights: own drawings after European and US designs.

Colours and shapes follow what drivers know from the Vienna Convention (style 0, 2) and the US MUTCD (style 1, 3); every
picture is drawn here from lines, polygons and letters.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mapforge.errors import ConfigurationError
from mapforge.schemas.detections import SIGN_TYPES
from mapforge.simulation.sign_canvas import (
    CIRCLE,
    DIAMOND,
    FACE_PX,
    OCTAGON,
    PALETTES,
    SIZE_PX,
    TRIANGLE_UP,
    Canvas,
    Colour,
    Points,
    ellipse,
    rectangle,
)

STYLES = 4
LIGHT_STATES = ("red", "yellow", "green")


def face(sign_type: str, state: str = "", style: int = 0) -> NDArray[np.uint8]:
    """(H, W, 4) uint8 RGBA picture of a face; the longer edge has FACE_PX pixels, alpha 0 lies outside the plate.

    state: of "unknown", which of several pictures: "works", "exit", "direction" (anything else: a street's name).

    sign_type: of SIGN_TYPES, or "traffic_light" with state red, yellow or green (anything else: all lamps dark).
    style: 0 and 2 European, 1 and 3 US (any integer, taken modulo STYLES). Raises ConfigurationError on an unknown
    type.
    """
    return _face(sign_type, state, style % STYLES).copy()


def outline(sign_type: str, style: int = 0) -> Points:
    """(K, 2) convex outline of the plate, counter-clockwise, x right and y up.

    The longer edge of the plate spans -0.5..0.5; the shorter one is centred.
    """
    style = style % STYLES
    return _shape(sign_type, _is_us(style))


def aspect(sign_type: str, style: int = 0) -> float:
    """Width over height of a face."""
    extent = np.ptp(outline(sign_type, style), axis=0)
    return float(extent[0] / extent[1])


def _is_us(style: int) -> bool:
    return style % 2 == 1


@lru_cache(maxsize=256)
def _face(sign_type: str, state: str, style: int) -> NDArray[np.uint8]:
    canvas = Canvas(PALETTES[style], _is_us(style), style >= 2)
    shape = _shape(sign_type, canvas.us)
    if sign_type == "traffic_light":
        _draw_light(canvas, state, style)
    elif sign_type == "unknown" and state in _BOARDS:
        _BOARDS[state](canvas)
    else:
        _PAINTERS.get(sign_type.rsplit("_", 1)[0] if sign_type.startswith("speed_limit") else sign_type, _unknown)(
            canvas, sign_type
        )
    rgb = np.asarray(canvas.image.resize((FACE_PX, FACE_PX), Image.Resampling.BOX))
    alpha_image = Image.new("L", (SIZE_PX, SIZE_PX), 0)
    ImageDraw.Draw(alpha_image).polygon(canvas.pixels(shape), fill=255)
    alpha = np.asarray(alpha_image.resize((FACE_PX, FACE_PX), Image.Resampling.BOX))
    half = np.ceil(np.abs(shape).max(axis=0) * FACE_PX - 1e-6).astype(int)
    middle = FACE_PX // 2
    rows, columns = slice(middle - half[1], middle + half[1]), slice(middle - half[0], middle + half[0])
    return np.ascontiguousarray(np.dstack([rgb, alpha])[rows, columns])


def _shape(sign_type: str, us: bool) -> Points:
    if sign_type != "traffic_light" and sign_type not in SIGN_TYPES:
        raise ConfigurationError(f"no picture for sign type '{sign_type}'; use one of {', '.join(SIGN_TYPES)}")
    if sign_type == "traffic_light":
        return rectangle(0.38, 1.0)
    if sign_type == "stop":
        return OCTAGON
    if sign_type == "yield":
        return -TRIANGLE_UP
    if sign_type == "priority_road":
        return DIAMOND
    if sign_type == "one_way":
        return rectangle(1.0, 0.36)
    if us:
        return _US_SHAPES.get(sign_type, rectangle(0.8, 1.0) if sign_type.startswith("speed") else rectangle(1.0, 1.0))
    return _EU_SHAPES.get(sign_type, CIRCLE)


_US_SHAPES = {"pedestrian_crossing": DIAMOND, "signal_ahead": DIAMOND, "keep_right": rectangle(0.8, 1.0)}
_EU_SHAPES = {
    "pedestrian_crossing": rectangle(1.0, 1.0),
    "signal_ahead": TRIANGLE_UP,
    "unknown": rectangle(1.0, 0.7),
}


def _stop(canvas: Canvas, sign_type: str) -> None:
    canvas.fill(canvas.palette.white)
    canvas.polygon(OCTAGON * 0.93, canvas.palette.red)
    canvas.text("STOP", 0.0, 0.0, 0.34, canvas.palette.white, 0.08 if canvas.variant else 0.05, width=0.74)


def _yield(canvas: Canvas, sign_type: str) -> None:
    canvas.fill(canvas.palette.red)
    inner = -TRIANGLE_UP * (0.5 if canvas.us else 0.6) + (0.0, 0.06)
    canvas.polygon(inner, canvas.palette.white)
    if canvas.us:
        canvas.text("YIELD", 0.0, 0.17, 0.1, canvas.palette.red, 0.05, width=0.3)


def _speed_limit(canvas: Canvas, sign_type: str) -> None:
    number = sign_type.rsplit("_", 1)[1]
    if not canvas.us:
        canvas.fill(canvas.palette.red)
        canvas.disc(0.0, 0.0, 0.37 if canvas.variant else 0.39, canvas.palette.white)
        canvas.text(number, 0.0, 0.0, 0.4, canvas.palette.black, 0.05 if canvas.variant else 0.07, width=0.54)
        return
    canvas.fill(canvas.palette.black)
    canvas.polygon(rectangle(0.76, 0.96), canvas.palette.white)
    canvas.text("SPEED", 0.0, 0.36, 0.12, canvas.palette.black, 0.05)
    canvas.text("LIMIT", 0.0, 0.18, 0.12, canvas.palette.black, 0.05)
    canvas.text(number, 0.0, -0.2, 0.4, canvas.palette.black, 0.05, width=0.52)


def _do_not_enter(canvas: Canvas, sign_type: str) -> None:
    canvas.fill(canvas.palette.white if canvas.us else canvas.palette.red)
    if canvas.us:
        canvas.disc(0.0, 0.0, 0.46, canvas.palette.red)
        canvas.text("DO NOT", 0.0, 0.22, 0.1, canvas.palette.white, 0.06)
        canvas.text("ENTER", 0.0, -0.23, 0.1, canvas.palette.white, 0.06)
    canvas.polygon(rectangle(0.72, 0.16), canvas.palette.white)


def _one_way(canvas: Canvas, sign_type: str) -> None:
    ground = canvas.palette.black if canvas.us else canvas.palette.blue
    canvas.fill(ground)
    arrow = [(-0.46, -0.07), (0.2, -0.07), (0.2, -0.155), (0.47, 0.0), (0.2, 0.155), (0.2, 0.07), (-0.46, 0.07)]
    canvas.polygon(arrow, canvas.palette.white)
    if canvas.us:
        canvas.text("ONE WAY", -0.11, 0.0, 0.085, canvas.palette.black, 0.07)


def _keep_right(canvas: Canvas, sign_type: str) -> None:
    if not canvas.us:
        canvas.fill(canvas.palette.white)
        canvas.disc(0.0, 0.0, 0.47, canvas.palette.blue)
        canvas.line([(-0.24, 0.24), (0.14, -0.14)], 0.12, canvas.palette.white)
        canvas.polygon([(0.29, -0.29), (0.27, 0.06), (-0.06, -0.27)], canvas.palette.white)
        return
    canvas.fill(canvas.palette.black)
    canvas.polygon(rectangle(0.76, 0.96), canvas.palette.white)
    canvas.line([(-0.16, 0.38), (-0.16, 0.1), (0.13, -0.16), (0.13, -0.24)], 0.1, canvas.palette.black)
    canvas.polygon([(0.13, -0.42), (0.0, -0.22), (0.26, -0.22)], canvas.palette.black)
    canvas.polygon(ellipse(0.08, 0.2, 24) + (-0.2, -0.2), canvas.palette.black)


def _no_turn(canvas: Canvas, side: float) -> None:
    _prohibition(canvas)
    ink = canvas.palette.black
    canvas.line([(-0.12 * side, -0.26), (-0.12 * side, 0.1), (0.08 * side, 0.1)], 0.1, ink)
    canvas.polygon([(0.28 * side, 0.1), (0.06 * side, 0.25), (0.06 * side, -0.05)], ink)
    _slash(canvas, -1.0)


def _no_left_turn(canvas: Canvas, sign_type: str) -> None:
    _no_turn(canvas, -1.0)


def _no_right_turn(canvas: Canvas, sign_type: str) -> None:
    _no_turn(canvas, 1.0)


def _no_u_turn(canvas: Canvas, sign_type: str) -> None:
    _prohibition(canvas)
    bend = [(0.15 * math.cos(a), 0.06 + 0.15 * math.sin(a)) for a in np.linspace(0.0, math.pi, 13)]
    canvas.line([(0.15, -0.28), *bend, (-0.15, -0.06)], 0.09, canvas.palette.black)
    canvas.polygon([(-0.15, -0.26), (-0.28, -0.04), (-0.02, -0.04)], canvas.palette.black)
    _slash(canvas, -1.0)


def _no_parking(canvas: Canvas, sign_type: str) -> None:
    if canvas.us:
        _prohibition(canvas)
        canvas.text("P", 0.0, 0.0, 0.48, canvas.palette.black, 0.06)
        _slash(canvas, -1.0)
        return
    canvas.fill(canvas.palette.red)
    canvas.disc(0.0, 0.0, 0.4, canvas.palette.blue)
    canvas.line([(-0.31, 0.31), (0.31, -0.31)], 0.1, canvas.palette.red)


def _prohibition(canvas: Canvas) -> None:
    """White ground in a red ring; on a US sign the ring lies in a white square."""
    canvas.fill(canvas.palette.white)
    radius = 0.46 if canvas.us else 0.5
    canvas.disc(0.0, 0.0, radius, canvas.palette.red)
    canvas.disc(0.0, 0.0, radius - 0.085, canvas.palette.white)


def _slash(canvas: Canvas, slope: float) -> None:
    canvas.line([(-0.3, -0.3 * slope), (0.3, 0.3 * slope)], 0.075, canvas.palette.red)


def _walker(canvas: Canvas, size: float, y: float) -> None:
    """A walking figure, `size` tall, centred at height y."""
    ink = canvas.palette.black

    def at(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(px * size, py * size + y) for px, py in points]

    (head,) = at([(0.02, 0.42)])
    canvas.disc(head[0], head[1], 0.09 * size, ink)
    canvas.line(at([(0.0, 0.28), (-0.02, -0.05)]), 0.15 * size, ink)
    canvas.line(at([(-0.02, -0.04), (0.12, -0.22), (0.16, -0.48)]), 0.095 * size, ink)
    canvas.line(at([(-0.02, -0.04), (-0.08, -0.26), (-0.24, -0.46)]), 0.095 * size, ink)
    canvas.line(at([(0.0, 0.27), (0.15, 0.1), (0.26, 0.04)]), 0.07 * size, ink)
    canvas.line(at([(0.0, 0.27), (-0.16, 0.14), (-0.2, -0.02)]), 0.07 * size, ink)


def _pedestrian_crossing(canvas: Canvas, sign_type: str) -> None:
    if canvas.us:
        _warning_diamond(canvas)
        _walker(canvas, 0.56, 0.02)
        canvas.line([(-0.2, -0.28), (0.2, -0.28)], 0.03, canvas.palette.black)
        return
    canvas.fill(canvas.palette.white)
    canvas.polygon(rectangle(0.95, 0.95), canvas.palette.blue)
    canvas.polygon(TRIANGLE_UP * 0.84 + (0.0, 0.02), canvas.palette.white)
    _walker(canvas, 0.46, -0.06)
    for x in (-0.22, -0.11, 0.11, 0.22):
        canvas.line([(x * 1.15, -0.325), (x, -0.255)], 0.035, canvas.palette.black)


def _signal_ahead(canvas: Canvas, sign_type: str) -> None:
    if canvas.us:
        _warning_diamond(canvas)
        top, step, radius = 0.2, 0.2, 0.082
        canvas.polygon(rectangle(0.24, 0.62), canvas.palette.black)
    else:
        canvas.fill(canvas.palette.red)
        canvas.polygon(TRIANGLE_UP * 0.68 + (0.0, -0.045), canvas.palette.white)
        top, step, radius = 0.02, 0.135, 0.055
        canvas.polygon(rectangle(0.16, 0.43) + (0.0, top - step), canvas.palette.black)
    for k, colour in enumerate((canvas.palette.red, canvas.palette.yellow, (20, 150, 70))):
        canvas.disc(0.0, top - k * step, radius, colour)


def _warning_diamond(canvas: Canvas) -> None:
    canvas.fill(canvas.palette.yellow)
    canvas.polygon(DIAMOND * 0.93, canvas.palette.black)
    canvas.polygon(DIAMOND * 0.88, canvas.palette.yellow)


def _priority_road(canvas: Canvas, sign_type: str) -> None:
    canvas.fill(canvas.palette.black if canvas.variant else (150, 150, 150))
    canvas.polygon(DIAMOND * 0.97, canvas.palette.white)
    canvas.polygon(DIAMOND * 0.68, canvas.palette.yellow)


def _unknown(canvas: Canvas, sign_type: str) -> None:
    """A street-name or direction plate: letters that mean nothing."""
    ground = (0, 105, 70) if canvas.us else canvas.palette.blue
    canvas.fill(canvas.palette.white)
    height = 1.0 if canvas.us else 0.7
    canvas.polygon(rectangle(0.95, height - 0.05), ground)
    for y, words in ((0.16, "MAPLE"), (-0.16, "42 km")):
        canvas.text(words, 0.0, y, 0.17, canvas.palette.white, 0.05)


def _works(canvas: Canvas) -> None:
    """A board with a warning: someone who digs."""
    height = 1.0 if canvas.us else 0.7
    orange = (236, 120, 20)
    canvas.fill(canvas.palette.black)
    canvas.polygon(rectangle(0.95, height - 0.05), orange if canvas.us else canvas.palette.yellow)
    if not canvas.us:
        canvas.polygon(TRIANGLE_UP * 0.68, canvas.palette.red)
        canvas.polygon(TRIANGLE_UP * 0.46 - (0.0, 0.03), canvas.palette.white)
    size = 0.5 if canvas.us else 0.3
    ink = canvas.palette.black

    def at(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(x * size, y * size - 0.05) for x, y in points]

    (head,) = at([(-0.1, 0.36)])
    canvas.disc(head[0], head[1], 0.1 * size, ink)
    canvas.line(at([(-0.12, 0.24), (-0.2, -0.06)]), 0.16 * size, ink)
    canvas.line(at([(-0.2, -0.08), (-0.1, -0.28), (-0.2, -0.46)]), 0.1 * size, ink)
    canvas.line(at([(-0.24, -0.08), (-0.36, -0.46)]), 0.1 * size, ink)
    canvas.line(at([(-0.1, 0.2), (0.1, 0.05), (0.34, -0.34)]), 0.07 * size, ink)
    canvas.polygon(at([(0.12, -0.46), (0.5, -0.46), (0.32, -0.2)]), ink)


def _exit(canvas: Canvas) -> None:
    height = 1.0 if canvas.us else 0.7
    canvas.fill(canvas.palette.white)
    canvas.polygon(rectangle(0.95, height - 0.05), (0, 105, 70) if canvas.us else canvas.palette.blue)
    canvas.line([(-0.26, -0.24), (-0.26, 0.02), (0.04, 0.2)], 0.09, canvas.palette.white)
    canvas.polygon([(0.02, 0.3), (0.24, 0.3), (0.13, 0.1)], canvas.palette.white)
    canvas.text("EXIT" if canvas.us else "12", 0.2, -0.14, 0.17, canvas.palette.white, 0.05)


def _direction(canvas: Canvas) -> None:
    height = 1.0 if canvas.us else 0.7
    canvas.fill(canvas.palette.white)
    canvas.polygon(rectangle(0.95, height - 0.05), (0, 105, 70) if canvas.us else canvas.palette.blue)
    for x, words in ((-0.24, "OAKHAM"), (0.24, "A 7")):
        canvas.line([(x, -0.28), (x, -0.06)], 0.06, canvas.palette.white)
        canvas.polygon([(x - 0.07, -0.08), (x + 0.07, -0.08), (x, 0.04)], canvas.palette.white)
        canvas.text(words, x, 0.18, 0.13, canvas.palette.white, 0.05, width=0.4)


_BOARDS: dict[str, Callable[[Canvas], None]] = {"works": _works, "exit": _exit, "direction": _direction}


def _draw_light(canvas: Canvas, state: str, style: int) -> None:
    housing: Colour = ((30, 32, 34), (188, 150, 30), (44, 58, 50), (30, 32, 34))[style]
    canvas.fill(housing)
    canvas.polygon(rectangle(0.32, 0.94), (14, 14, 15))
    lamps = (("red", (255, 60, 40), (70, 16, 14)), ("yellow", (255, 200, 50), (72, 54, 12)))
    for (name, lit, dark), y in zip((*lamps, ("green", (60, 250, 150), (10, 62, 38))), (0.31, 0.0, -0.31)):
        canvas.disc(0.0, y, 0.15, (34, 34, 36))
        canvas.disc(0.0, y, 0.13, lit if state == name else dark)
        if state == name:
            canvas.disc(0.0, y, 0.07, tuple(min(255, c + 60) for c in lit))  # type: ignore[arg-type]


_PAINTERS: dict[str, Callable[[Canvas, str], None]] = {
    "stop": _stop,
    "yield": _yield,
    "speed_limit": _speed_limit,
    "do_not_enter": _do_not_enter,
    "one_way": _one_way,
    "keep_right": _keep_right,
    "no_left_turn": _no_left_turn,
    "no_right_turn": _no_right_turn,
    "no_u_turn": _no_u_turn,
    "no_parking": _no_parking,
    "pedestrian_crossing": _pedestrian_crossing,
    "signal_ahead": _signal_ahead,
    "priority_road": _priority_road,
}
