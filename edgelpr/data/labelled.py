"""One plate whose text is known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgelpr.data.cropping import Cut, cut_plate
from edgelpr.preprocessing.images import Image, check_image, read_image


@dataclass(frozen=True)
class LabelledCrop:
    """An image of a plate and what stands on it."""

    path: Path
    """The image file."""

    plate: str
    """The text, without separators."""

    split: str | None = None
    """The part it belongs to: the column ``split`` of a CSV, or the folder below the one that was read."""

    cut: Cut | None = None
    """Where the plate lies when the image shows more than the plate."""

    def load(self, rectify: bool = False) -> Image:
        """The crop: (H, W) grey or (H, W, 3) BGR, uint8.

        Args:
            rectify: straighten by the four corners where the labels give them, instead of cutting the upright box.

        Raises:
            ImageError: the file is not a usable image, or the plate in it is too small.
        """
        image = read_image(self.path)
        if self.cut is None:
            return image
        return check_image(cut_plate(image, self.cut, str(self.path), rectify), f"{self.path}, the plate cut from it")
