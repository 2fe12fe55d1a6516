"""Reading calibration images: real crops, each picture once, evenly chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from edgelpr.calibration.alikeness import alikeness_of
from edgelpr.calibration.appearance import Appearance, appearance_of, spread_of
from edgelpr.calibration.images import LEAST_IMAGES, CalibrationImages, LeftOut
from edgelpr.calibration.sampling import sample_evenly
from edgelpr.calibration.sources import CalibrationSource, Candidate, Candidates, find_candidates
from edgelpr.data.digest import pixel_sha256
from edgelpr.errors import CalibrationError, ImageError, UsageError
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.preprocessing.images import Image
from edgelpr.types import LeftOutKind

MOST_IMAGES = 500
"""More change the ranges little and take longer (ours)."""

LEAST_WIDTH, LEAST_HEIGHT = 16, 8
"""Pixels: with less there are no two columns a character (ours); the smallest of 946 real crops at hand is 52x14."""

BLANK_SPREAD = 3.0
"""Grey levels of standard deviation: the faintest of 946 real crops has 5.9, an even area stored as JPEG about 1 (ours)."""

_SHOWN = 5
_KINDS: dict[LeftOutKind, str] = {
    "unreadable": "cannot be read",
    "small": "too small",
    "blank": "without any contrast",
    "duplicate": "there already under another name",
}


def load_calibration_images(
    source: Path | CalibrationSource | Sequence[CalibrationSource],
    preprocessing: Preprocessing,
    *,
    most: int = MOST_IMAGES,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> CalibrationImages:
    """Real crops to measure ranges on, chosen evenly over all that the sources name.

    Left out, with the reason: files that cannot be read, crops that are too small or show nothing, and pictures that
    are there already, pixel by pixel. Another image is taken in their place. One image is decoded at a time and only
    what the network sees of it is kept, about 1 MB for 500 crops of 24x94, however many images there are.

    Args:
        source: a folder of crops, a labels CSV, or several sources; folders are represented in proportion.
        preprocessing: the network's.
        most: how many to take, at least 32.
        seed: decides which; the same on every machine.
        progress: called with how many are taken, of how many.

    Raises:
        CalibrationError: fewer than 32 images are left, or fewer different pictures, or a source cannot be used.
        DataError: labels with a mistake, or no plate of the split.
        UsageError: ``most`` is less than 32, or there is no source.
    """
    sources = _as_sources(source)
    if most < LEAST_IMAGES:
        raise UsageError(f"{most} calibration images; expected at least {LEAST_IMAGES}, or the ranges hang on single crops")
    candidates = find_candidates(sources)
    gathering = _Gathering(candidates.images, preprocessing, most, progress)
    sample_evenly(len(candidates.images), most, seed, gathering.take)
    places = ", ".join(str(one.path) for one in sources)
    if len(gathering.taken) < LEAST_IMAGES:
        raise CalibrationError(_too_few(places, candidates, len(gathering.taken), gathering.left_out))
    images = gathering.images(candidates, seed)
    _check_alikeness(images, places)
    return images


class _Gathering:
    """Looks at candidates one by one and keeps what is of use."""

    def __init__(
        self,
        candidates: Sequence[Candidate],
        preprocessing: Preprocessing,
        most: int,
        progress: Callable[[int, int], None],
    ) -> None:
        self._candidates, self._preprocessing, self._progress = candidates, preprocessing, progress
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


def _as_sources(source: Path | CalibrationSource | Sequence[CalibrationSource]) -> tuple[CalibrationSource, ...]:
    if isinstance(source, Path):
        return (CalibrationSource(source),)
    sources = (source,) if isinstance(source, CalibrationSource) else tuple(source)
    if not sources:
        raise UsageError("no calibration images were named; expected a folder of plate crops, or a labels CSV")
    return sources


def _check_alikeness(images: CalibrationImages, places: str) -> None:
    found = alikeness_of(images.crops)
    if found.pictures >= LEAST_IMAGES:
        return
    first, second, *_ = found.groups[0]
    raise CalibrationError(
        f"{places}: these {found.crops} images are {found.pictures} different pictures; INT8 needs at least {LEAST_IMAGES}\n"
        f"  {len(found.groups[0])} are nearly the same, for example {images.names[first]} and {images.names[second]}\n"
        "  add crops of other plates, or take more of those there are (--most); one picture stored or cut anew widens no range"
    )


def _too_few(places: str, candidates: Candidates, usable: int, left_out: Sequence[LeftOut]) -> str:
    """The message of a refusal: how many there are, what was left out and why, and what to do."""
    found = f"{usable} usable images of {len(candidates.images)} found"
    lines = [f"{places}: {found} ({'; '.join(candidates.sources)}); INT8 ranges need at least {LEAST_IMAGES}"]
    for kind, count in Counter(item.kind for item in left_out).items():
        of_kind = [item.reason for item in left_out if item.kind == kind]
        rest = f"; and {count - _SHOWN} more" if count > _SHOWN else ""
        lines.append(f"{count} {_KINDS[kind]}: {'; '.join(of_kind[:_SHOWN])}{rest}")
    back = candidates.held_back
    if back:
        parts = ", ".join(name for name, _ in back[:_SHOWN]) + (" and others" if len(back) > _SHOWN else "")
        lines.append(f"{sum(count for _, count in back)} held back for testing, in the parts {parts}")
    lines.append("add crops of real plates from the cameras that will be read, or a second source; noise is no substitute")
    return "\n  ".join(lines)
