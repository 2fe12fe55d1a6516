"""Which glyphs a renderer uses, as plain values that travel to other processes and into a training record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgelpr.data.rendering.capture import capture
from edgelpr.data.rendering.glyphs import FolderGlyphs, FontGlyphs, Glyphs
from edgelpr.data.rendering.library import built_in_glyphs
from edgelpr.data.rendering.samples import HEIGHTS, Camera, Renderer
from edgelpr.errors import DataError
from edgelpr.plates.format import PlateFormat


@dataclass(frozen=True)
class GlyphSources:
    """Folders of glyph images and fonts.

    Raises:
        DataError: a share outside 0 to 1.
    """

    folders: tuple[Path, ...] = ()
    """Folders for ``FolderGlyphs``."""

    fonts: tuple[Path, ...] = ()
    """Fonts for ``FontGlyphs``; without any, the letters in the package."""

    font_share: float = 0.08
    """Share of plates drawn with a font when there are folders too, 0 to 1."""

    def __post_init__(self) -> None:
        if not 0 <= self.font_share <= 1:
            raise DataError(f"the share of fonts is {self.font_share}; expected 0 to 1")

    def renderer(self, plate_format: PlateFormat, heights: tuple[float, float] = HEIGHTS, camera: Camera = capture) -> Renderer:
        """A renderer with these glyphs.

        Args:
            plate_format: what may stand on a plate.
            heights: as ``Renderer`` takes them.
            camera: likewise.

        Raises:
            DataError: a folder or a font that cannot be used.
        """
        folders: list[Glyphs] = [FolderGlyphs(folder) for folder in self.folders]
        fonts: list[Glyphs] = [FontGlyphs(font) for font in self.fonts] or [built_in_glyphs(plate_format)]
        if not folders:
            return Renderer(plate_format, fonts, None, heights, self.describe(), camera)
        shares = [(1 - self.font_share) / len(folders)] * len(folders) + [self.font_share / len(fonts)] * len(fonts)
        return Renderer(plate_format, folders + fonts, shares, heights, self.describe(), camera)

    def describe(self) -> str:
        """One line that names folders, fonts and their shares; folders may move, so only their names count."""
        names = [path.name for path in (*self.folders, *self.fonts)] or ["the letters in the package"]
        return f"{', '.join(names)}; share of fonts {self.font_share}"
