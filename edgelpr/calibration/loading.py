"""Reading calibration images: real crops, each picture once, evenly chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from edgelpr.calibration.alikeness import alikeness_of
from edgelpr.calibration.gathering import Gathering
from edgelpr.calibration.images import LEAST_IMAGES, CalibrationImages, LeftOut
from edgelpr.calibration.sampling import sample_evenly
from edgelpr.calibration.sources import CalibrationSource, Candidates, find_candidates
from edgelpr.errors import CalibrationError, UsageError
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.types import LeftOutKind

MOST_IMAGES = 500
"""More change the ranges little and take longer (ours)."""

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
    sources = as_sources(source)
    if most < LEAST_IMAGES:
        raise UsageError(f"{most} calibration images; expected at least {LEAST_IMAGES}, or the ranges hang on single crops")
    candidates = find_candidates(sources)
    gathering = Gathering(candidates.images, preprocessing, most, progress)
    sample_evenly(len(candidates.images), most, seed, gathering.take)
    places = ", ".join(str(one.path) for one in sources)
    if len(gathering.taken) < LEAST_IMAGES:
        found = f"{len(gathering.taken)} usable images of {len(candidates.images)} found"
        raise CalibrationError(too_few(places, found, candidates, gathering.left_out))
    images = gathering.images(candidates, seed)
    check_alikeness(images, places)
    return images


def as_sources(source: Path | CalibrationSource | Sequence[CalibrationSource]) -> tuple[CalibrationSource, ...]:
    """What names sources in any form, as sources.

    Raises:
        UsageError: there is none.
    """
    if isinstance(source, Path):
        return (CalibrationSource(source),)
    sources = (source,) if isinstance(source, CalibrationSource) else tuple(source)
    if not sources:
        raise UsageError("no calibration images were named; expected a folder of plate crops, or a labels CSV")
    return sources


def check_alikeness(images: CalibrationImages, places: str) -> None:
    """Refuse fewer than 32 different pictures.

    Raises:
        CalibrationError: so few, with an example of two that are nearly the same.
    """
    found = alikeness_of(images.crops)
    if found.pictures >= LEAST_IMAGES:
        return
    first, second, *_ = found.groups[0]
    raise CalibrationError(
        f"{places}: these {found.crops} images are {found.pictures} different pictures; INT8 needs at least {LEAST_IMAGES}\n"
        f"  {len(found.groups[0])} are nearly the same, for example {images.names[first]} and {images.names[second]}\n"
        "  add crops of other plates, or take more of those there are (--most); one picture stored or cut anew widens no range"
    )


def too_few(places: str, found: str, candidates: Candidates, left_out: Sequence[LeftOut]) -> str:
    """The message of a refusal: how many there are, what was left out and why, and what to do.

    Args:
        places: where was looked.
        found: how many are of use, of how many.
        candidates: all that there are.
        left_out: what is of no use.
    """
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
