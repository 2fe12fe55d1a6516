"""Rendered crops for checks where the user gave no real ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgelpr.errors import DataError

if TYPE_CHECKING:
    from edgelpr.plates.format import PlateFormat
    from edgelpr.preprocessing.images import Image


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
