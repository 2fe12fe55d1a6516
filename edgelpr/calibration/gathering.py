"""Which candidates are of use: readable, large enough, not blank, not there already."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from edgelpr.calibration.appearance import Appearance, appearance_of, spread_of
from edgelpr.calibration.images import CalibrationImages, LeftOut
from edgelpr.calibration.sources import Candidate, Candidates
from edgelpr.data.digest import pixel_sha256
from edgelpr.errors import ImageError
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.preprocessing.images import Image
from edgelpr.types import LeftOutKind

LEAST_WIDTH, LEAST_HEIGHT = 16, 8
"""Pixels: with less there are no two columns a character (ours); the smallest of 946 real crops at hand is 52x14."""

BLANK_SPREAD = 3.0
"""Grey levels of standard deviation: the faintest of 946 real crops has 5.9, an even area stored as JPEG about 1 (ours)."""


class Gathering:
    """Looks at candidates one by one and keeps what is of use.

    Args:
        candidates: what may be taken.
        preprocessing: the network's.
        most: how many will be taken at most.
        progress: called with how many are taken, of how many.
        keep: called with the number and the pixels of each that is taken.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        preprocessing: Preprocessing,
        most: int,
        progress: Callable[[int, int], None],
        keep: Callable[[int, Image], None] = lambda number, crop: None,
    ) -> None:
        self._candidates, self._preprocessing, self._progress, self._keep = candidates, preprocessing, progress, keep
        self._total = min(most, len(candidates))
        self._names_by_pixels: dict[str, str] = {}
        self.taken: dict[int, tuple[Image, str, Appearance]] = {}
        """Network input, hash and appearance by the candidate's number."""
        self.left_out: list[LeftOut] = []
        """In the order they were looked at."""

    def take(self, number: int) -> bool:
        """Look at one candidate; whether it is of use."""
        candidate = self._candidates[number]
        try:
            crop = candidate.crop.load(candidate.rectify)
        except ImageError as error:
            return self._leave(candidate, "unreadable", str(error).replace(str(candidate.crop.path), candidate.name))
        height, width = crop.shape[:2]
        if width < LEAST_WIDTH or height < LEAST_HEIGHT:
            reason = f"{width}x{height} pixels; expected at least {LEAST_WIDTH}x{LEAST_HEIGHT}"
            return self._leave(candidate, "small", f"{candidate.name}: {reason}")
        if spread_of(crop) < BLANK_SPREAD:
            return self._leave(candidate, "blank", f"{candidate.name}: one even grey; expected a plate with letters on it")
        pixels = pixel_sha256(crop)
        if pixels in self._names_by_pixels:
            reason = f"{candidate.name}: the same pixels as {self._names_by_pixels[pixels]}"
            return self._leave(candidate, "duplicate", reason)
        self._names_by_pixels[pixels] = candidate.name
        self.taken[number] = self._preprocessing.apply(crop), pixels, appearance_of(crop)
        self._keep(number, crop)
        self._progress(len(self.taken), self._total)
        return True

    def images(self, candidates: Candidates, seed: int) -> CalibrationImages:
        """What was taken, sorted by name."""
        numbers = sorted(self.taken)
        inputs, hashes, appearances = zip(*(self.taken[number] for number in numbers))
        crops = np.stack(inputs)
        crops.flags.writeable = False
        return CalibrationImages(
            crops=crops,
            hashes=hashes,
            names=tuple(self._candidates[number].name for number in numbers),
            appearances=appearances,
            preprocessing=self._preprocessing,
            sources=candidates.sources,
            found=len(self._candidates),
            seed=seed,
            left_out=tuple(self.left_out),
            held_back=candidates.held_back,
        )

    def _leave(self, candidate: Candidate, kind: LeftOutKind, reason: str) -> bool:
        self.left_out.append(LeftOut(candidate.name, kind, reason))
        return False
