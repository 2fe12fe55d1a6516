"""What is read: distinct crops in rotation, never zeros."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgelpr.benchmarks.bench.run import Crops
from edgelpr.calibration.sampling import spread_indices
from edgelpr.data.folders import find_images
from edgelpr.data.labels import read_labels
from edgelpr.errors import DataError, ImageError
from edgelpr.plates.format import PlateFormat
from edgelpr.preprocessing.images import Image, read_image
from edgelpr.types import LabelFormat

MOST = 64
"""Crops that rotate."""

_FEWEST = 2


@dataclass(frozen=True)
class Rotation:
    """Crops to read and what a result says of them."""

    images: tuple[Any, ...]
    """One item a plate, no two alike: a crop, (H, W) grey or (H, W, 3) BGR, uint8, or the tuple of a track's frames."""

    record: Crops
    """For the result."""

    left_out: tuple[str, ...] = ()
    """Files that could not be used, and why."""


def rendered_rotation(plate_format: PlateFormat, seed: int = 0, count: int = MOST) -> Rotation:
    """Rendered plates of the sizes that a detector delivers; the same for the same seed.

    Raises:
        DataError: the package has no letters for this format.
    """
    from edgelpr.data.rendering.samples import Renderer

    try:
        renderer = Renderer(plate_format)
        images = [renderer.render(seed, number).image for number in range(count)]
    except DataError as error:
        raise DataError(f"no crops can be rendered to measure with ({error}); give real ones with --images") from error
    return rotation_of(images, f"rendered, seed {seed}")


def read_rotation(place: Path, label_format: LabelFormat = "csv") -> Rotation:
    """Crops of the user's, up to 64 spread evenly over what is there.

    Args:
        place: a folder of images, or labels: a CSV, or a folder with a format other than ``csv``.
        label_format: how labels are stored.

    Raises:
        DataError: nothing there, or fewer than two crops that differ.
    """
    loaders = _loaders(place, label_format)
    if not loaders:
        raise DataError(f"{place}: no image in this folder; expected crops of plates")
    images, left_out = [], []
    for index in spread_indices(len(loaders), MOST):
        try:
            images.append(loaders[index]())
        except ImageError as error:
            left_out.append(str(error))
    return rotation_of(images, place.resolve().name, left_out)


def rotation_of(images: Iterable[Image], source: str, left_out: Sequence[str] = ()) -> Rotation:
    """Those of the crops that differ from each other and show something.

    Args:
        images: (H, W) or (H, W, 3), uint8.
        source: what to call them.
        left_out: what was left out before.

    Raises:
        DataError: fewer than two of them: one repeated crop would flatter the caches.
    """
    found = {(image.shape, image.tobytes()): image for image in images if np.ptp(image) > 0}
    kept = tuple(found.values())
    if len(kept) < _FEWEST:
        reasons = "".join(f"; {reason}" for reason in left_out[:3])
        raise DataError(
            f"{source}: {len(kept)} crop that can be read and shows something{reasons}; expected at least {_FEWEST} that "
            "differ, since one that is repeated flatters the caches"
        )
    return Rotation(kept, Crops(source, len(kept), hash_images(kept)), tuple(left_out))


def _loaders(place: Path, label_format: LabelFormat) -> list[Callable[[], Image]]:
    if place.is_dir() and label_format == "csv":
        return [lambda path=path: read_image(path) for path in find_images(place)]  # type: ignore[misc]
    return [crop.load for crop in read_labels(place, label_format)]


def hash_images(images: Iterable[Image]) -> str:
    """SHA-256 over sizes and pixels, in their order."""
    digest = hashlib.sha256()
    for image in images:
        digest.update(str(image.shape).encode())
        digest.update(image.tobytes())
    return digest.hexdigest()
