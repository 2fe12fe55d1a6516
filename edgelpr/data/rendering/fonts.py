"""The fonts in the package."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from pathlib import Path


def bundled_font() -> Path:
    """An open font (Noto Sans CJK SC Bold, cut to the characters of the built-in formats; SIL Open Font License)."""
    return _folder() / "NotoSansCJKsc-Bold-plates.otf"


@lru_cache(maxsize=1)
def letter_fonts() -> dict[str, Path]:
    """Open fonts cut to A to Z and 0 to 9, by name, for example ``barlow-500``; see the README beside them."""
    return {path.stem: path for path in sorted((_folder() / "letters").glob("*.ttf"))}


def _folder() -> Path:
    return Path(str(resources.files("edgelpr.data") / "fonts"))
