"""Whether calibration images vary as much as what a camera sees, and what to add where they do not.

Every bound is ours, set by what 946 real crops of four sets show (cut from street scenes of three continents, by day
and by night); the shares beside them are the smallest of those sets. Each crop is measured at one size, see
``edgelpr.calibration.appearance``, so that a bound holds for every network.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edgelpr.calibration.alikeness import alikeness_of
from edgelpr.calibration.appearance import Appearance
from edgelpr.calibration.images import CalibrationImages
from edgelpr.data.checking.single import has_odd_shape
from edgelpr.types import NarrownessKind

FEW_IMAGES = 100
"""Under this many crops, what happens in one of fifty is likely to be missing."""

RARE_SHARE = 0.02
"""Less of the set than this counts as missing: 10 crops of 500."""

COMMON_SHARE = 0.1
"""The same for what real sets show in a third of their crops or more."""

BRIGHTNESS_RANGE = 50.0
"""Grey levels that nine tenths of the crops span; real sets of one camera span 80 to 110."""

DARK = 70.0
"""A crop of less brightness was taken in shade or at night; real sets hold 5 % or more."""

GLARE = 240.0
"""A crop whose bright parts reach this is over-exposed or nearly so; real sets hold 8 % or more."""

FAINT, STRONG = 80.0, 140.0
"""Contrast below the first (fog, dirt, backlight; real sets 3.7 % or more) and from the second on (39 % or more)."""

BLURRED, SHARP = 1.2, 1.5
"""Sharpness below the first (motion, distance; real sets 6 % or more) and from the second on (31 % or more)."""

SAME_SIZE = 1.25
"""Nine tenths of the widths and of the heights within this factor: one camera at one place, or resized beforehand."""

FRAME_HEIGHT = 360
"""A crop as high as the smallest frames of cameras is hardly one plate; the highest of the real crops has 302 pixels."""

ALIKE_SHARE = 0.05
"""From this share of crops that only repeat another one it is said how many pictures they are; real sets hold 1.5 % at most."""

_NINE_TENTHS = (5, 95)
_SHOWN = 3


@dataclass(frozen=True)
class Narrowness:
    """One way in which the images are too much alike, or not what they should be."""

    kind: NarrownessKind
    """For machines."""

    what: str
    """What was seen."""

    remedy: str
    """Which images to add, or what to look at."""

    def to_dict(self) -> dict[str, str]:
        """Plain values for JSON."""
        return {"kind": self.kind, "what": self.what, "remedy": self.remedy}


@dataclass(frozen=True)
class _Expected:
    """A kind of crop that a set should hold some of."""

    kind: NarrownessKind
    name: str
    shows: Callable[[Appearance], bool]
    least: float
    remedy: str


_EXPECTED = (
    _Expected("brightness", "dark", lambda look: look.brightness < DARK, RARE_SHARE, "crops at night or in shade"),
    _Expected("brightness", "over-exposed", lambda look: look.brightest >= GLARE, RARE_SHARE, "crops in sun or flash"),
    _Expected("contrast", "faint", lambda look: look.contrast < FAINT, RARE_SHARE, "crops in fog or backlight, dirty plates"),
    _Expected(
        "contrast", "strong in contrast", lambda look: look.contrast >= STRONG, COMMON_SHARE, "clean plates in good light"
    ),
    _Expected("sharpness", "blurred", lambda look: look.sharpness < BLURRED, RARE_SHARE, "crops of moving or distant cars"),
    _Expected("sharpness", "sharp", lambda look: look.sharpness >= SHARP, COMMON_SHARE, "crops of standing or near cars"),
)


def find_narrowness(images: CalibrationImages) -> tuple[Narrowness, ...]:
    """What the images have too little of; none where they vary as real ones do.

    Ranges measured on images that are too much alike cut off what others would show. That is a warning, since it may
    be all that the camera ever sees.
    """
    looks = images.appearances
    if not looks:
        return ()
    of_all = (*_few(looks), *_alike(images), *_missing(looks), *_one_camera(images), *_one_plate_type(looks))
    return (*of_all, *_frames(images))


def _few(looks: Sequence[Appearance]) -> Iterator[Narrowness]:
    if len(looks) < FEW_IMAGES:
        what = f"{len(looks)} images: what one crop in fifty shows may not be among them"
        yield Narrowness("few", what, f"add real crops, up to {FEW_IMAGES} or more")


def _alike(images: CalibrationImages) -> Iterator[Narrowness]:
    found = alikeness_of(images.crops)
    if found.crops - found.pictures < ALIKE_SHARE * found.crops:
        return
    first, second, *_ = found.groups[0]
    what = (
        f"these {found.crops} images are {found.pictures} different pictures: {len(found.groups[0])} are nearly the same as "
        f"{images.names[first]}, for example {images.names[second]}"
    )
    yield Narrowness("alike", what, "add crops of other plates; one picture stored or cut anew widens no range")


def _missing(looks: Sequence[Appearance]) -> Iterator[Narrowness]:
    """At most one warning each for brightness, contrast and sharpness."""
    low, high = np.percentile([look.brightness for look in looks], _NINE_TENTHS)
    span = f"nine tenths lie within {high - low:.0f} levels of brightness ({low:.0f} to {high:.0f} of 255)"
    for kind in dict.fromkeys(expected.kind for expected in _EXPECTED):
        parts = [span] if kind == "brightness" and high - low < BRIGHTNESS_RANGE else []
        remedies = []
        for expected in (one for one in _EXPECTED if one.kind == kind):
            count = sum(map(expected.shows, looks))
            if count < expected.least * len(looks):
                parts.append(f"{count or 'none'} of {len(looks)} crops {'is' if count == 1 else 'are'} {expected.name}")
                remedies.append(expected.remedy)
        if parts:
            yield Narrowness(kind, "; ".join(parts), f"add {' and '.join(remedies or ['crops of other hours and weather'])}")


def _one_camera(images: CalibrationImages) -> Iterator[Narrowness]:
    widths, heights = ([getattr(look, side) for look in images.appearances] for side in ("width", "height"))
    if not all(_same_size(sides) for sides in (widths, heights)):
        return
    folders = len({name.rpartition("/")[0] for name in images.names})
    size = f"{np.median(widths):.0f}x{np.median(heights):.0f}"
    where = "one folder" if folders == 1 else f"{folders} folders"
    what = f"nearly all crops, from {where}, are about {size} pixels: one camera at one distance, or resized beforehand"
    yield Narrowness("camera", what, "add crops of other cameras and distances, as they were cut, not resized")


def _same_size(sides: Sequence[int]) -> bool:
    low, high = np.percentile(sides, _NINE_TENTHS)
    return bool(high < SAME_SIZE * low)


def _one_plate_type(looks: Sequence[Appearance]) -> Iterator[Narrowness]:
    told = [look.dark_letters for look in looks if look.dark_letters is not None]
    kinds = [("light letters on dark ground", told.count(False)), ("dark letters on light ground", told.count(True))]
    (other, few), (seen, most) = sorted(kinds, key=lambda kind: kind[1])
    if not told or few >= RARE_SHARE * len(told):
        return
    colours = Counter(look.colour for look in looks if look.colour is not None)
    shown = ", ".join(f"{count} {colour}" for colour, count in colours.most_common())
    coloured = f" (by colour: {shown})" if shown else ""
    what = f"one type of plate: {most} of {len(told)} crops show {seen}{coloured}"
    yield Narrowness("plate-type", what, f"add plates with {other}, if your cameras see them; if not, there is nothing to add")


def _frames(images: CalibrationImages) -> Iterator[Narrowness]:
    aspect = images.preprocessing.width / images.preprocessing.height
    odd = [
        f"{name} ({look.width}x{look.height})"
        for name, look in zip(images.names, images.appearances)
        if look.height >= FRAME_HEIGHT or has_odd_shape(look.width / look.height, aspect)
    ]
    if odd:
        shown = ", ".join(odd[:_SHOWN]) + (f" and {len(odd) - _SHOWN} more" if len(odd) > _SHOWN else "")
        what = f"{len(odd)} of {len(images)} look like whole frames or badly cut plates: {shown}"
        yield Narrowness("frames", what, "look at them; cut each plate out whole and alone, as for reading")
