"""Crops for checks: real ones, or rendered ones where the user gave none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgelpr.cli.output import note
from edgelpr.errors import DataError, ImageError

if TYPE_CHECKING:
    from edgelpr.plates.format import PlateFormat
    from edgelpr.preprocessing.crop import Preprocessing
    from edgelpr.preprocessing.images import Image

_MOST_IMAGES = 64


def rendered_crops(plate_format: PlateFormat, count: int, what: str) -> Image:
    """Network inputs of rendered plates, always the same.

    Args:
        plate_format: what may stand on them.
        count: how many.
        what: is checked on them, for the message.

    Raises:
        DataError: the package has no letters for this format.
    """
    from edgelpr.data.rendering.samples import render_crops

    try:
        return render_crops(plate_format, count, seed=0)
    except DataError as error:
        raise DataError(f"no crops can be rendered to check {what} on ({error}); give real ones with --images") from error


def read_crops(source: Path, preprocessing: Preprocessing) -> Image:
    """Network inputs of at most 64 images, spread over those there are; broken ones are named and left out.

    Args:
        source: a folder, searched to the bottom, or one file.
        preprocessing: of the network.

    Raises:
        DataError: not one image that can be used.
    """
    from edgelpr.data.folders import find_images
    from edgelpr.preprocessing.images import read_image

    paths = list(find_images(source)) if source.is_dir() else [source]
    step = max(1, -(-len(paths) // _MOST_IMAGES))
    images = []
    for path in paths[::step]:
        try:
            images.append(read_image(path))
        except ImageError as error:
            note(f"Left out: {error}")
    if not images:
        raise DataError(f"{source}: no image to check parity on; expected crops of plates")
    return preprocessing.batch(images)
