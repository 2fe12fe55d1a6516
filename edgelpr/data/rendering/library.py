"""The letters that come with the package: drawn with a pen, or from its open fonts."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from edgelpr.data.rendering.choosing import DIGITS, LETTERS
from edgelpr.data.rendering.fonts import letter_fonts
from edgelpr.data.rendering.glyphs import FontGlyphs, Glyphs
from edgelpr.data.rendering.latin.pen import INK_HEIGHT, Pen, pen_ink
from edgelpr.errors import require
from edgelpr.plates.format import PlateFormat
from edgelpr.preprocessing.images import Image

_USUAL = Pen("plain", 14).style
_KINDS = ("pen", "font")
_HYPHEN_HEIGHT = 0.14


class LibraryGlyphs:
    """Letters and digits in the style that a layout names.

    Styles are ``pen ...`` (see ``Pen.style``) or ``font NAME`` (a name in ``letter_fonts``); any other means plain
    letters. Characters that these lack come from the font in the package.
    """

    def __init__(self) -> None:
        self._other: FontGlyphs | None = None

    def mask(self, character: str, style: str, height: int, width: int) -> Image:
        """See ``Glyphs.mask``."""
        if character == "-":
            return _hyphen(height, width)
        ink = letter_ink(style, character)
        if ink is not None:
            return _fit(ink, height, width, narrow=style.partition(" ")[0] not in _KINDS and character in "1IJ")
        if self._other is None:
            self._other = FontGlyphs()
        return self._other.mask(character, style, height, width)


def built_in_glyphs(plate_format: PlateFormat) -> Glyphs:
    """What draws a format when the user names neither glyphs nor a font.

    Raises:
        MissingDependencyError: Pillow is not installed and the format has characters beside A to Z and 0 to 9. Styles
            ``font NAME`` need it too, but only when the first of their letters is drawn.
    """
    return LibraryGlyphs() if set(plate_format.alphabet) <= set(DIGITS + LETTERS) else FontGlyphs()


def letter_ink(style: str, character: str) -> Image | None:
    """Ink of a character at its natural width.

    Returns:
        (H, W), uint8, 0 (no ink) to 255, cut close; None when the style lacks the character.

    Raises:
        MissingDependencyError: Pillow is not installed and the style is a font.
    """
    kind = style.partition(" ")[0]
    if kind == "font":
        return _font_ink(style, character)
    return pen_ink(style if kind == "pen" else _USUAL, character)


def proportion(style: str, character: str) -> float:
    """Width of a character as a share of its height."""
    ink = letter_ink(style, character)
    return 0.6 if ink is None else ink.shape[1] / ink.shape[0]


def _fit(ink: Image, height: int, width: int, narrow: bool) -> Image:
    """Ink stretched to a cell; a narrow character keeps its proportions where the cell was not made for it."""
    inner = min(width, max(1, round(height * ink.shape[1] / ink.shape[0]))) if narrow else width
    fitted = np.asarray(cv2.resize(ink, (inner, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    if inner == width:
        return fitted
    mask = np.zeros((height, width), dtype=np.uint8)
    left = (width - inner) // 2
    mask[:, left : left + inner] = fitted
    return mask


def _hyphen(height: int, width: int) -> Image:
    mask = np.zeros((height, width), dtype=np.uint8)
    thick = max(1, round(_HYPHEN_HEIGHT * height))
    mask[(height - thick) // 2 : (height + thick) // 2, width // 8 : width - width // 8] = 255
    return mask


@lru_cache(maxsize=64)
def _font(style: str) -> Any:
    drawing = require("PIL.ImageFont", "train", "rendering plates from a font")
    return drawing.truetype(str(letter_fonts()[style.partition(" ")[2]]), round(INK_HEIGHT * 1.4))


@lru_cache(maxsize=4096)
def _font_ink(style: str, character: str) -> Image | None:
    if not character.isascii() or not character.isalnum():
        return None
    mask = _font(style).getmask(character, mode="L")
    width, height = mask.size
    image: Image = np.array(list(mask), dtype=np.uint8).reshape(height, width)
    return image
