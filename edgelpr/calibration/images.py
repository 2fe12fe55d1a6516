"""The images that ranges are measured on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil
from typing import Any, Protocol, TypeVar

from edgelpr.calibration.appearance import Appearance
from edgelpr.calibration.inputs import Inputs
from edgelpr.calibration.sampling import sample_evenly
from edgelpr.errors import UsageError
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.preprocessing.images import Image
from edgelpr.types import LeftOutKind

LEAST_IMAGES = 32
"""With fewer the ranges hang on single crops (ours)."""


@dataclass(frozen=True)
class LeftOut:
    """An image that was looked at and does not calibrate."""

    name: str
    """As in ``CalibrationImages.names``."""

    kind: LeftOutKind
    """Why, for machines."""

    reason: str
    """Why, for people."""

    def to_dict(self) -> dict[str, str]:
        """Plain values for JSON."""
        return {"name": self.name, "kind": self.kind, "reason": self.reason}


@dataclass(frozen=True, eq=False)
class CalibrationImages:
    """Preprocessed crops, none of them twice, sorted by name."""

    crops: Image
    """(N, height, width), uint8, 0 to 255, read-only: what the network is given."""

    hashes: tuple[str, ...]
    """``pixel_sha256`` of each crop as it was read, before preprocessing."""

    names: tuple[str, ...]
    """Path of each image below its source, after the source's name where there are several; never a path of a machine."""

    appearances: tuple[Appearance, ...]
    """What each crop looked like before preprocessing."""

    preprocessing: Preprocessing
    """What made crops into network input."""

    sources: tuple[str, ...]
    """Names of the folders or labels they came from, each with its part."""

    found: int
    """Images that could have been taken."""

    seed: int
    """Of the choice."""

    left_out: tuple[LeftOut, ...] = ()
    """Images that were looked at and are of no use, in the order they were looked at."""

    held_back: tuple[tuple[str, int], ...] = ()
    """Parts that are there for testing, and how many images each holds; none of them was looked at."""

    def __len__(self) -> int:
        return len(self.names)

    @property
    def inputs(self) -> Inputs:
        """What the graph is given."""
        return (self.crops,)

    @property
    def duplicates(self) -> int:
        """How many images were left out because their pixels were there already."""
        return sum(item.kind == "duplicate" for item in self.left_out)

    @cached_property
    def sha256(self) -> str:
        """Over the pixels of all of them and the preprocessing, in hexadecimal; names and order do not count."""
        lines = [*sorted(self.hashes), str(sorted(self.preprocessing.to_dict().items()))]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def subset(self, indices: Sequence[int]) -> CalibrationImages:
        """Some of them, in the order of the indices."""
        crops = self.crops[list(indices)]
        crops.flags.writeable = False
        return replace(
            self,
            crops=crops,
            hashes=tuple(self.hashes[index] for index in indices),
            names=tuple(self.names[index] for index in indices),
            appearances=tuple(self.appearances[index] for index in indices),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: what was used, and what was left out and why."""
        return {
            "sources": list(self.sources),
            "found": self.found,
            "used": len(self),
            "seed": self.seed,
            "duplicates": self.duplicates,
            "left_out": [item.to_dict() for item in self.left_out],
            "held_back": dict(self.held_back),
            "sha256": self.sha256,
            "images": [{"name": name, "pixel_sha256": pixels} for name, pixels in zip(self.names, self.hashes)],
        }


class Sampled(Protocol):
    """What can be split: images, or tracks."""

    @property
    def seed(self) -> int:
        """Of the choice."""

    def __len__(self) -> int: ...

    def subset(self: Samples, indices: Sequence[int]) -> Samples:
        """Some of them, in the order of the indices."""


Samples = TypeVar("Samples", bound=Sampled)


def split_held_out(images: Samples, share: float) -> tuple[Samples, Samples]:
    """Images, or tracks, to measure ranges on, and others to judge the ranges by.

    The second are spread evenly over all of them. No picture is on both sides, since none is there twice. The first
    are never fewer than ``LEAST_IMAGES``: with few images the second are fewer than asked for, or none; ``images_for``
    tells how many it takes.

    Args:
        images: what ``load_calibration_images`` or ``load_calibration_tracks`` gave.
        share: of the second, between 0 and 1.

    Raises:
        UsageError: another share.
    """
    wanted = _checked(share) * len(images)
    count = max(0, min(round(wanted), len(images) - LEAST_IMAGES))
    chosen: set[int] = set()

    def take(index: int) -> bool:
        chosen.add(index)
        return True

    sample_evenly(len(images), count, images.seed, take)
    return (
        images.subset([index for index in range(len(images)) if index not in chosen]),
        images.subset(sorted(chosen)),
    )


def images_for(share: float) -> int:
    """How many images it takes to hold out a share of them and keep ``LEAST_IMAGES``.

    Raises:
        UsageError: a share that is not between 0 and 1.
    """
    return ceil(LEAST_IMAGES / (1 - _checked(share)))


def _checked(share: float) -> float:
    if not 0 < share < 1:
        raise UsageError(f"the share of held-out images is {share}; expected more than 0 and less than 1")
    return share
