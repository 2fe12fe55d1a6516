"""Which labelled plates calibrated: accuracy measured on them says nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from edgelpr.data.digest import pixel_sha256
from edgelpr.data.labelled import LabelledCrop
from edgelpr.errors import ImageError


def find_overlap(hashes: Collection[str], labelled: Iterable[LabelledCrop]) -> tuple[Path, ...]:
    """Files of the labelled crops that have the pixels of a calibration image, in their order.

    Where labels give corners, the plate cut upright and the plate straightened both count. A file that cannot be read
    shares nothing; whoever measures accuracy reports it.

    Args:
        hashes: ``CalibrationImages.hashes``.
        labelled: what accuracy is to be measured on; decoded one at a time.
    """
    calibrated = frozenset(hashes)
    return tuple(crop.path for crop in labelled if not calibrated.isdisjoint(hashes_of(crop)))


def hashes_of(crop: LabelledCrop) -> Iterator[str]:
    """Hash of its pixels, and where labels give corners of those straightened; none where the file cannot be read."""
    straightened = crop.cut is not None and crop.cut.corners is not None
    for rectify in (False, True) if straightened else (False,):
        try:
            yield pixel_sha256(crop.load(rectify))
        except ImageError:
            continue
