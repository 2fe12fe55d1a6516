"""Brazilian plates before and after Mercosur.

From 1990 to 2018: grey, 400x130 mm, three letters and four digits of 63 mm under a plate with the state and the town
(resolutions 754/91, 45/98 and 231/07 of the traffic council, as public summaries give them); white on red for paid
transport, other colours for officials, learners and collectors. Since 2018 Mercosur: 400x130 mm, white, a blue strip on
top, ``ABC1D23``. Motorcycles have two rows, at first 200x170 mm.
"""

from __future__ import annotations

from dataclasses import replace

from numpy.random import Generator

from edgelpr.data.rendering.choosing import DIGITS, LETTERS, some_of, weighted
from edgelpr.data.rendering.latin.lettering import Lettering, choose_lettering
from edgelpr.data.rendering.latin.rows import set_row
from edgelpr.data.rendering.latin.scheme import BLACK, BLUE, GREEN, RED, WHITE, finish
from edgelpr.data.rendering.layouts import Cell, Colour, Layout, Mark
from edgelpr.types import LetterFamily

_GREY: Colour = (190, 190, 188)
_SEALS: tuple[Colour, ...] = ((50, 60, 200), (40, 200, 230), (70, 70, 60), (60, 130, 50), (215, 215, 215))
_COLOURS = {
    (_GREY, BLACK): 0.83,
    (RED, WHITE): 0.09,
    (WHITE, BLACK): 0.03,
    (BLACK, _GREY): 0.02,
    (BLUE, WHITE): 0.015,
    (WHITE, RED): 0.015,
}
_MERCOSUR_INKS = {
    (WHITE, BLACK): 0.75,
    (WHITE, RED): 0.1,
    (WHITE, BLUE): 0.05,
    (WHITE, GREEN): 0.05,
    (WHITE, (40, 110, 190)): 0.05,
}
_TWO_ROWS = 0.08
_NO_LINE = (0.0, 0.0)


def draw_grey(rng: Generator) -> tuple[str, Layout]:
    """A plate of 1990 to 2018."""
    letters, digits = some_of(LETTERS, 3, rng), some_of(DIGITS, 4, rng)
    square = rng.random() < _TWO_ROWS
    family: LetterFamily = "square" if rng.random() < 0.85 else "narrow"
    lettering = _lettering(family, rng)
    size = (200, 170) if square else (400, 130)
    if square:
        boxes = [(14.0, 44.0, 172.0, 50.0), (14.0, 104.0, 172.0, 50.0)]
        rows = [set_row(letters, boxes[0], lettering), set_row(digits, boxes[1], lettering)]
    else:
        top, tall = rng.uniform(42, 49), rng.uniform(61, 68)
        margin = rng.uniform(16, 26)
        rows = [set_row(f"{letters}.{digits}", (margin, top, 400 - 2 * margin, tall), lettering)]
    colours = weighted(_COLOURS, rng)
    marks = _town(size, colours, rng)
    return letters + digits, finish(
        "brazilian-square" if square else "brazilian", size, rows, colours, marks, lettering.style, rng
    )


def _lettering(family: LetterFamily, rng: Generator) -> Lettering:
    """Equal steps, so that a 1 stands alone; set over most of the width."""
    chosen = choose_lettering(family, 0.0, rng)
    space = rng.uniform(0.10, 0.20)
    pitch = 0.66 * chosen.stretch + space if rng.random() < 0.9 else 0.0
    return Lettering(chosen.style, chosen.stretch, float(space), float(pitch), float(rng.uniform(0.3, 1)))


def _town(size: tuple[int, int], colours: tuple[Colour, Colour], rng: Generator) -> tuple[Mark, ...]:
    """The small plate with state and town, its frame, the lead seal on its wire, and slots for bolts."""
    width = size[0]
    box: Cell = (width * rng.uniform(0.1, 0.16), rng.uniform(13, 18), 0.0, rng.uniform(18, 22))
    box = (box[0], box[1], width - 2 * box[0], box[3])
    length = int(rng.integers(4, 14))
    words = f"{some_of(LETTERS, 2, rng)}-{some_of(LETTERS, length, rng)}"
    wide = min(0.9 * box[2], len(words) * box[3] * rng.uniform(0.34, 0.56))
    middle = box[0] + box[2] / 2 + rng.normal(0, 0.02) * width
    tall = box[3] * rng.uniform(0.6, 0.85)
    town = Mark("text", (middle - wide / 2, box[1] + (box[3] - tall) / 2, wide, tall), None, words, often=0.93)
    seal = rng.uniform(9, 22)
    x, y = box[0] - rng.uniform(0.3, 1.2) * seal, box[1] + rng.uniform(-0.3, 0.6) * box[3]
    colour = _SEALS[int(rng.integers(len(_SEALS)))]
    blue, green, red = (int(0.75 * value) for value in colours[0])
    frame = colours[1] if rng.random() < 0.3 else (blue, green, red)
    slots = tuple(
        Mark("bar", (share * width - 7, y_slot, 14.0, 4.0), BLACK, often=0.5)
        for share in (0.32, 0.72)
        for y_slot in (3.0, size[1] - 11.0)
    )
    return (
        Mark("line", box, frame, often=0.7),
        town,
        Mark("text", (0.4 * width, 2.0, 0.2 * width, 7.0), None, "DETRAN00", often=0.3),
        Mark("dot", (x, y, seal, seal * rng.uniform(0.7, 1.3)), colour, often=0.75),
        *slots,
    )


def draw_mercosur(rng: Generator) -> tuple[str, Layout]:
    """A plate since 2018; Argentina, Uruguay and Paraguay share the strip but not the grammar."""
    grammar = weighted({"llldldd": 0.7, "llddd_ll": 0.2, "lll_dddd": 0.1}, rng)
    symbols = "".join(some_of({"l": LETTERS, "d": DIGITS}.get(each, each), 1, rng) for each in grammar)
    square = rng.random() < _TWO_ROWS
    lettering = choose_lettering("forgery" if rng.random() < 0.85 else "any", 0.7, rng)
    size = (200, 170) if square else (400, 130)
    strip = rng.uniform(0.2, 0.25) * size[1]
    if square:
        tall = 50.0
        rows = [
            set_row(part, (14.0, strip + 8 + index * (tall + 8), 172.0, tall), lettering)
            for index, part in enumerate((symbols[:3], symbols[3:]))
        ]
    else:
        rows = [
            set_row(
                symbols,
                (rng.uniform(22, 40), strip + rng.uniform(12, 20), rng.uniform(325, 345), rng.uniform(60, 68)),
                lettering,
            )
        ]
    word = weighted({"BRASIL": 0.7, "REPUBLICA ARGENTINA": 0.15, "URUGUAY": 0.08, "PARAGUAY": 0.07}, rng)
    wide = min(0.6 * size[0], 12.0 * len(word) * size[0] / 400)
    marks = (
        Mark("bar", (0.0, 0.0, float(size[0]), strip), (150, 60, 10)),
        Mark("text", ((size[0] - wide) / 2, 0.25 * strip, wide, 0.55 * strip), WHITE, word),
        Mark("bar", (0.9 * size[0], 0.2 * strip, 0.07 * size[0], 0.6 * strip), (60, 160, 60), often=0.7),
        Mark("bar", (0.03 * size[0], strip + 6, 0.055 * size[0], 0.055 * size[0]), (120, 120, 120), often=0.5),
        Mark("text", (0.03 * size[0], 0.78 * size[1], 0.06 * size[0], 0.12 * size[1]), BLACK, "BR", often=0.6),
    )
    text = symbols.replace("_", "")
    name = "mercosur-square" if square else "mercosur"
    layout = finish(name, size, rows, weighted(_MERCOSUR_INKS, rng), marks, lettering.style, rng)
    return text, replace(layout, border=_NO_LINE if rng.random() < 0.6 else None)
