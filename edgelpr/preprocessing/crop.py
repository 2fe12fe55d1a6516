"""The one definition of how a crop becomes the network's input."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgelpr.errors import BundleError
from edgelpr.plates.format import PlateFormat
from edgelpr.preprocessing.images import Image


@dataclass(frozen=True)
class Preprocessing:
    """Grey, resized to a fixed size, 0 to 255; scaling by 1/255 happens at the network's door.

    The HPA authors resize to 160x50 (width x height), grey, divided by 255, no mean or deviation.
    """

    height: int = 50
    """Rows of the input."""

    width: int = 160
    """Columns of the input."""

    colour: str = "grey"
    """Only ``grey``: the luma of ITU-R BT.601, as OpenCV computes it from BGR."""

    resize: str = "area-or-linear"
    """Only ``area-or-linear``: pixel area where both sides shrink, bilinear otherwise; aspect not kept."""

    def __post_init__(self) -> None:
        if not all(type(side) is int and side > 0 for side in (self.height, self.width)):
            raise BundleError(f"preprocessing: height is {self.height!r}, width {self.width!r}; expected pixels")
        if self.colour != "grey" or self.resize != "area-or-linear":
            raise BundleError(
                f"preprocessing '{self.colour}, {self.resize}' is unknown to this version; "
                "expected 'grey, area-or-linear': install the edgelpr that wrote it or a newer one"
            )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], source: str = "preprocessing") -> Preprocessing:
        """Build from plain values.

        Args:
            values: every field by name.
            source: where they come from, for the message.

        Raises:
            BundleError: a missing or an unknown key, or a value that this version does not know.
        """
        known = [field.name for field in fields(cls)]
        if sorted(values) != sorted(known):
            raise BundleError(f"{source}: preprocessing has the keys {', '.join(values)}; expected {', '.join(known)}")
        return cls(**values)

    @classmethod
    def of(cls, plate_format: PlateFormat) -> Preprocessing:
        """The preprocessing that a plate format implies."""
        height, width = plate_format.height_width
        return cls(height=height, width=width)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    def apply(self, image: Image, out: Image | None = None) -> Image:
        """Turn one checked crop into network input.

        Args:
            image: (H, W) grey or (H, W, 3) BGR, uint8.
            out: (height, width), uint8, contiguous: where the result is to stand.

        Returns:
            (height, width), uint8, 0 to 255: ``out``, or memory of its own.
        """
        grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        if grey.shape == (self.height, self.width):
            return np.array(grey, dtype=np.uint8, order="C") if out is None else _copied(grey, out)
        shrinks = grey.shape[0] >= self.height and grey.shape[1] >= self.width
        interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(grey, (self.width, self.height), out, interpolation=interpolation), dtype=np.uint8)

    def batch(self, images: Iterable[Image]) -> Image:
        """Turn checked crops into one batch (N, height, width), uint8, 0 to 255."""
        rows = [self.apply(image) for image in images]
        return np.stack(rows) if rows else np.empty((0, self.height, self.width), dtype=np.uint8)


def _copied(grey: NDArray[Any], out: Image) -> Image:
    out[...] = grey
    return out


def scale(batch: Image, channels: int = 3) -> NDArray[np.float32]:
    """What the network sees: the grey plane, divided by 255, repeated.

    Args:
        batch: (N, H, W), uint8, 0 to 255.
        channels: 3 as published, 1 after the grey fold.

    Returns:
        (N, channels, H, W), float32, 0 to 1.
    """
    scaled = batch.astype(np.float32)[:, None] / np.float32(255)
    return np.ascontiguousarray(np.repeat(scaled, channels, axis=1))
