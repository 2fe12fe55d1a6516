"""The font in the package."""

from __future__ import annotations

from importlib import resources
from pathlib import Path


def bundled_font() -> Path:
    """An open font (Noto Sans CJK SC Bold, cut to the characters of the built-in formats; SIL Open Font License)."""
    return Path(str(resources.files("edgelpr.data") / "fonts" / "NotoSansCJKsc-Bold-plates.otf"))
