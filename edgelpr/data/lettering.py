"""Writing text into images, Chinese characters included where Pillow is installed."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Protocol

import cv2
import numpy as np

from edgelpr.preprocessing.images import Image

Colour = tuple[int, int, int]
"""Blue, green, red, 0 to 255."""

_CODES = {  # ISO 3166-2 codes of the provinces (pinyin would give several one name), pinyin for the special characters
    "京": "BJ", "沪": "SH", "津": "TJ", "渝": "CQ", "冀": "HE", "晋": "SX", "蒙": "NM", "辽": "LN", "吉": "JL", "黑": "HL",
    "苏": "JS", "浙": "ZJ", "皖": "AH", "闽": "FJ", "赣": "JX", "鲁": "SD", "豫": "HA", "鄂": "HB", "湘": "HN", "粤": "GD",
    "桂": "GX", "琼": "HI", "川": "SC", "贵": "GZ", "云": "YN", "藏": "XZ", "陕": "SN", "甘": "GS", "青": "QH", "宁": "NX",
    "新": "XJ", "警": "Jing", "学": "Xue", "挂": "Gua", "港": "Gang", "澳": "Ao", "使": "Shi", "领": "Ling",
}  # fmt: skip


class Lettering(Protocol):
    """Something that writes text into images."""

    limits: str | None
    """What it cannot write, for the user; None where it writes everything."""

    def width(self, text: str, height: int) -> int:
        """Pixels that a text takes at a letter height in pixels."""

    def draw(self, image: Image, text: str, place: tuple[int, int], height: int, colour: Colour) -> None:
        """Write into a (H, W, 3) BGR image; ``place`` is the top left corner, letters are ``height`` pixels high."""


@lru_cache(maxsize=1)
def find_lettering() -> Lettering:
    """Pillow with the font of the package, or OpenCV's own letters, which are ASCII only."""
    try:
        return PillowLettering()
    except (ImportError, OSError):
        return OpenCvLettering()


def spell_in_ascii(text: str) -> str:
    """Text with each character outside ASCII as a code: 皖A12345 becomes <AH>A12345."""
    return "".join(c if c.isascii() and c.isprintable() else f"<{_CODES.get(c, f'U+{ord(c):04X}')}>" for c in text)


class PillowLettering:
    """Text through Pillow; a character that the font lacks is written as its code.

    Raises:
        ImportError: Pillow is not installed.
        OSError: the font is absent or Pillow was built without fonts.
    """

    limits: str | None = None

    def __init__(self) -> None:
        from PIL import Image as PillowImage
        from PIL import ImageDraw, ImageFont

        from edgelpr.data.rendering.fonts import bundled_font

        self._image, self._draw, self._path = PillowImage, ImageDraw, str(bundled_font())
        self._font = lru_cache(maxsize=16)(lambda size: ImageFont.truetype(self._path, size))
        self._missing = bytes(self._font(24).getmask("\uffff"))

    def width(self, text: str, height: int) -> int:
        """Pixels that a text takes."""
        length: float = self._sized(height).getlength(self._spell(text))
        return round(length)

    def draw(self, image: Image, text: str, place: tuple[int, int], height: int, colour: Colour) -> None:
        """Write into the image."""
        font, spelled = self._sized(height), self._spell(text)
        x, y = place
        # Only the patch that the text covers is converted; the anchor "ls" puts the letters' feet on one line.
        patch = image[max(y - height // 3, 0) : y + height + height // 2, x : x + self.width(text, height) + 2]
        if not patch.size:
            return
        canvas = self._image.fromarray(np.ascontiguousarray(patch[:, :, ::-1]))
        foot = y + height - max(y - height // 3, 0)
        self._draw.Draw(canvas).text((0, foot), spelled, font=font, fill=colour[::-1], anchor="ls")
        patch[:] = np.asarray(canvas)[:, :, ::-1]

    def _sized(self, height: int) -> Any:
        return self._font(round(height / 0.75))  # capital letters take three quarters of the font's size

    def _spell(self, text: str) -> str:
        return "".join(c if c.isascii() or self._has(c) else spell_in_ascii(c) for c in text)

    def _has(self, character: str) -> bool:
        return bytes(self._font(24).getmask(character)) != self._missing


class OpenCvLettering:
    """Text through OpenCV's strokes; provinces are written as their ISO 3166-2 code."""

    limits: str | None = (
        "Chinese characters are drawn as codes, for example <AH> for 皖, because Pillow is not installed: pip install pillow"
    )
    _face = cv2.FONT_HERSHEY_SIMPLEX

    def width(self, text: str, height: int) -> int:
        """Pixels that a text takes."""
        return int(cv2.getTextSize(spell_in_ascii(text), self._face, height / 22, 1)[0][0])

    def draw(self, image: Image, text: str, place: tuple[int, int], height: int, colour: Colour) -> None:
        """Write into the image; letters of this face are 22 pixels high at scale 1."""
        feet = (place[0], place[1] + height)
        thickness = max(1, height // 14)
        cv2.putText(image, spell_in_ascii(text), feet, self._face, height / 22, colour, thickness, cv2.LINE_AA)
