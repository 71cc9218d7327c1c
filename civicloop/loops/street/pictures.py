"""Drawn street pictures for the demo and tests: the same corner with the problem and without, marked synthetic."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw

from civicloop.kernel.time.ids import Draws

SIZE = (960, 720)
_WALLS = ("#c9bda9", "#b7a58d", "#a9b0a6", "#c4b0a0", "#9fa8b0", "#bfb7a4")
_SHOPS = ("#2f6f6a", "#8a3b2e", "#3d4f7c", "#6d5a2b", "#55406b")
_BAGS = ("#3a3a3f", "#5c6b3c", "#7a6a52", "#8f8f88", "#a34e35")


def street_picture(stream: str, *, problem: str = "", view: int = 0) -> bytes:
    """A JPEG of the corner that `stream` names; `problem` is what lies there ("" once it is put right).

    Another `view` is taken from another spot, so that no two photographs are the same picture.
    """
    draws = Draws(stream)
    picture = Image.new("RGB", SIZE, "#dfe6e6")
    pen = ImageDraw.Draw(picture)
    width, height = SIZE
    horizon = 380 + draws.below(60)
    left = 0
    while left < width:
        wide = 150 + draws.below(170)
        top = 40 + draws.below(110)
        pen.rectangle((left, top, left + wide, horizon), fill=draws.pick(_WALLS))
        for x in range(left + 18, left + wide - 30, 46):
            for y in range(top + 20, horizon - 130, 56):
                pen.rectangle((x, y, x + 24, y + 34), fill="#6f7d86", outline="#e8e4da")
        pen.rectangle((left + 8, horizon - 96, left + wide - 8, horizon), fill="#4b4843")
        pen.rectangle((left + 8, horizon - 118, left + wide - 8, horizon - 88), fill=draws.pick(_SHOPS))
        left += wide
    pen.polygon([(0, horizon), (width, horizon), (width, horizon + 110), (0, horizon + 140)], fill="#bdb6a8")
    for x in range(-80, width, 64):
        pen.line((x, horizon, x - 60, horizon + 140), fill="#a59e90", width=2)
    pen.polygon([(0, horizon + 140), (width, horizon + 110), (width, height), (0, height)], fill="#6b6a67")
    pen.line((0, horizon + 260, width, horizon + 230), fill="#d9d2b4", width=8)
    _problem(pen, draws, problem, horizon)
    if view:
        zoom = 36 * view
        picture = picture.crop((zoom * 2, zoom, width - zoom // 2, height - zoom // 3)).resize(SIZE)
        pen = ImageDraw.Draw(picture)
    pen.rectangle((0, height - 30, 168, height), fill="#171613")
    pen.text((10, height - 22), "SYNTHETIC / DEMO", fill="#ffffff")
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=82)
    return out.getvalue()


def _problem(pen: ImageDraw.ImageDraw, draws: Draws, problem: str, horizon: int) -> None:
    x, y = 180 + draws.below(420), horizon + 40 + draws.below(50)
    if problem in ("stall", "hawker", "night_market"):
        pen.rectangle((x, y - 40, x + 230, y + 70), fill="#8a5a33")
        pen.polygon([(x - 20, y - 120), (x + 250, y - 120), (x + 230, y - 70), (x, y - 70)], fill="#b23a2e")
        pen.line((x + 4, y - 70, x + 4, y + 70), fill="#3d3a35", width=6)
        pen.line((x + 226, y - 70, x + 226, y + 70), fill="#3d3a35", width=6)
        for n in range(9):
            pen.ellipse(
                (x + 12 + n * 23, y - 58, x + 34 + n * 23, y - 36),
                fill=draws.pick(("#d98324", "#7aa33a", "#c8402f")),
            )
    elif problem in ("parking_bike", "parking_motor"):
        for n in range(6):
            left = x - 60 + n * 62 + draws.below(20)
            pen.ellipse((left, y, left + 46, y + 46), outline="#22211f", width=5)
            pen.ellipse((left + 52, y, left + 98, y + 46), outline="#22211f", width=5)
            pen.line(
                (left + 23, y + 23, left + 50, y - 16, left + 75, y + 23), fill=draws.pick(_SHOPS), width=6
            )
    elif problem in ("cover_storm", "road_collapse", "standing_water", "cover_sewer"):
        pen.ellipse((x, y + 70, x + 240, y + 150), fill="#3b3833")
        pen.ellipse(
            (x + 20, y + 82, x + 220, y + 140), fill="#24221f" if problem != "standing_water" else "#7c93a1"
        )
    elif problem:
        for _ in range(16):
            left, top = x + draws.below(220), y + draws.below(70)
            size = 26 + draws.below(44)
            pen.ellipse((left, top, left + size, top + size * 3 // 4), fill=draws.pick(_BAGS))
