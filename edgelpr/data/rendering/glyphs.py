"""Where the shapes of characters come from: a font, or a folder of glyph images."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from edgelpr.data.rendering.fonts import bundled_font
from edgelpr.errors import DataError, require
from edgelpr.preprocessing.images import Image

_NARROW = "1IJ"
_FONT_PIXELS = 200


class Glyphs(Protocol):
    """A source of character shapes."""

    def mask(self, character: str, style: str, height: int, width: int) -> Image:
        """Ink of one character, filling a cell of that size.

        Args:
            character: one character.
            style: the layout's glyph style, for sources that have several.
            height, width: of the cell, in pixels.

        Returns:
            (height, width), uint8, 0 (no ink) to 255.

        Raises:
            DataError: the source has no such character.
        """
        ...


class FontGlyphs:
    """Shapes from a TrueType or OpenType font, stretched to the cell but for narrow characters.

    Args:
        path: the font; by default the one in the package.

    Raises:
        DataError: not a font.
        MissingDependencyError: Pillow is not installed.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = bundled_font() if path is None else path
        drawing = require("PIL.ImageFont", "train", "rendering plates from a font")
        try:
            self._font: Any = drawing.truetype(str(self._path), _FONT_PIXELS)
        except OSError as error:
            raise DataError(f"{self._path}: not a readable font; expected a .ttf or .otf file") from error
        self._empty = self._ink("\U0010ffff")
        self._cache: dict[tuple[str, int, int], Image] = {}

    def mask(self, character: str, style: str, height: int, width: int) -> Image:
        """See ``Glyphs.mask``; the style is ignored."""
        key = (character, height, width)
        if key not in self._cache:
            self._cache[key] = self._draw(character, height, width)
        return self._cache[key]

    def _draw(self, character: str, height: int, width: int) -> Image:
        ink = self._ink(character)
        if ink.size == 0 or (ink.shape == self._empty.shape and (ink == self._empty).all()):
            raise DataError(f"{self._path}: the font has no character {character!r}; name another with --font")
        natural = round(height * ink.shape[1] / ink.shape[0])
        inner = min(width, natural) if character in _NARROW else width
        cell = np.zeros((height, width), dtype=np.uint8)
        left = (width - inner) // 2
        cell[:, left : left + inner] = cv2.resize(ink, (inner, height), interpolation=cv2.INTER_AREA)
        return cell

    def _ink(self, character: str) -> Image:
        mask = self._font.getmask(character, mode="L")
        if 0 in mask.size:
            return np.zeros((0, 0), dtype=np.uint8)
        width, height = mask.size
        image: Image = np.array(list(mask), dtype=np.uint8).reshape(height, width)
        return image


class FolderGlyphs:
    """Shapes from images named ``STYLE_CHARACTER.jpg`` or ``.png``, dark ink on white.

    Args:
        folder: for example one with ``140_A.jpg`` (single-row) and ``green_A.jpg`` (new-energy).

    Raises:
        DataError: no such folder, or no glyph image in it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        suffixes = (".jpg", ".png")
        self._files = {p.stem: p for p in sorted(folder.glob("*_*")) if p.suffix.lower() in suffixes} if folder.is_dir() else {}
        if not self._files:
            raise DataError(f"{folder}: no glyph images; expected a folder with files such as 140_A.jpg or green_7.png")
        self._cache: dict[tuple[str, str, int, int], Image] = {}

    def mask(self, character: str, style: str, height: int, width: int) -> Image:
        """See ``Glyphs.mask``."""
        key = (character, style, height, width)
        if key not in self._cache:
            styles = (style, style.split("_")[0], "140")  # 220_up_A, 220_5, and what the style lacks from the common one
            path = next((self._files[name] for name in (f"{each}_{character}" for each in styles) if name in self._files), None)
            if path is None:
                raise DataError(f"{self._folder}: no glyph {style}_{character}.jpg or .png")
            ink = 255 - _read_grey(path)
            self._cache[key] = np.asarray(cv2.resize(ink, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
        return self._cache[key]


@lru_cache(maxsize=512)
def _read_grey(path: Path) -> Image:
    image = cv2.imdecode(np.fromfile(path, dtype=np.uint8), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise DataError(f"{path}: not a readable glyph image")
    return np.asarray(image, dtype=np.uint8)
