"""Setting a row of characters and separators into a box."""

from __future__ import annotations

from dataclasses import dataclass

from edgelpr.data.rendering.latin.lettering import Lettering
from edgelpr.data.rendering.layouts import Cell
from edgelpr.data.rendering.library import proportion

SEPARATORS = {"-": 0.42, " ": 0.42, "_": 0.2, ".": 0.30, "*": 0.50, "^": 0.58}
"""What may stand between characters, and its width as a share of their height.

Hyphen, gap, small gap, dot, round stickers, coat of arms.
"""


@dataclass(frozen=True)
class Row:
    """Where everything in a row stands, in millimetres."""

    cells: tuple[Cell, ...]
    """One a character."""

    separators: tuple[tuple[str, Cell], ...]
    """Symbol and box of each separator, as high as the characters."""


def set_row(symbols: str, box: Cell, lettering: Lettering) -> Row:
    """Set characters side by side, squeezed when they need more room than there is.

    Args:
        symbols: characters, and the keys of ``SEPARATORS`` between them.
        box: the room; characters are as high as it.
        lettering: how they are set.
    """
    left, top, room, height = box
    naturals = [_width(symbol, lettering) * height for symbol in symbols]
    advances = [_advance(symbol, width / height, lettering) * height for symbol, width in zip(symbols, naturals)]
    squeeze = min(1.0, room / sum(advances))
    slack = room - squeeze * sum(advances)
    # Never so far apart that the characters look like two plates.
    extra = min(lettering.fill * slack / len(symbols), 0.16 * height)
    at = left + (slack - extra * len(symbols)) / 2
    cells: list[Cell] = []
    separators: list[tuple[str, Cell]] = []
    for symbol, natural, advance in zip(symbols, naturals, advances):
        taken, width = squeeze * advance + extra, squeeze * natural
        place = (at + (taken - width) / 2, top, width, height)
        at += taken
        if symbol in SEPARATORS:
            separators.append((symbol, place))
        else:
            cells.append(place)
    return Row(tuple(cells), tuple(separators))


def _width(symbol: str, lettering: Lettering) -> float:
    if symbol in SEPARATORS:
        return SEPARATORS[symbol]
    return min(1.1, proportion(lettering.style, symbol)) * lettering.stretch


def _advance(symbol: str, width: float, lettering: Lettering) -> float:
    if symbol in SEPARATORS:
        return width
    return max(width + lettering.space, lettering.pitch)
