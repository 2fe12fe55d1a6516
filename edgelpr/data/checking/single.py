"""What can be wrong with one crop: its image, its label, its size."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from edgelpr.data.checking.findings import Finding
from edgelpr.data.checking.looking import Look
from edgelpr.errors import PlateFormatError
from edgelpr.plates.format import PlateFormat

_SMALL = 4  # a crop with less than a quarter of the input's height or width has no detail to learn from (ours)
_ODD = 2.5  # how many times wider or narrower than the input a crop may be before it is likely cut wrong (ours)


def unreadable_images(looks: Sequence[Look]) -> Iterator[Finding]:
    """A finding a file that is not a usable image."""
    for look in looks:
        if look.error is not None:
            remedy = "copy or cut it again, or take its line out of the labels"
            yield Finding("error", "unreadable", (look.crop.path,), look.error, remedy)


def unfit_labels(looks: Sequence[Look], plate_format: PlateFormat) -> Iterator[Finding]:
    """A finding a plate that the format cannot write, with every file that shows it."""
    wrong: dict[str, list[Look]] = defaultdict(list)
    for look in looks:
        wrong[look.crop.plate].append(look)
    for plate, shown in wrong.items():
        try:
            plate_format.encode(plate)
        except PlateFormatError as error:
            remedy = "correct the label, or choose a plate format that has the character and the length"
            yield Finding("error", "label", tuple(look.crop.path for look in shown), str(error), remedy)


def unfit_sizes(looks: Sequence[Look], plate_format: PlateFormat) -> Iterator[Finding]:
    """At most two findings a part: crops too small, crops of an odd shape."""
    height, width = plate_format.height_width
    small: dict[str, list[Look]] = defaultdict(list)
    odd: dict[str, list[Look]] = defaultdict(list)
    for look in looks:
        if look.error is not None:
            continue
        if look.height * _SMALL < height or look.width * _SMALL < width:
            small[look.part.name].append(look)
        elif has_odd_shape(look.width / look.height, width / height):
            odd[look.part.name].append(look)
    least = f"{-(-width // _SMALL)}x{-(-height // _SMALL)}"
    for part, found in small.items():
        what = f"{_crops(found)} of '{part}' smaller than {least} pixels, a quarter of the network's input; {_first(found)}"
        yield Finding("warning", "small", _files(found), what, "take out those that cannot be read by eye")
    for part, found in odd.items():
        what = f"{_crops(found)} of '{part}' far wider or narrower than the network's input ({width}x{height}); {_first(found)}"
        yield Finding("warning", "odd-shape", _files(found), what, "look whether the plate was cut whole and alone")


def has_odd_shape(aspect: float, input_aspect: float) -> bool:
    """Whether a crop is so much wider or narrower than the network's input that it was likely cut wrong.

    Args:
        aspect: width over height of the crop.
        input_aspect: width over height of the input.
    """
    return not 1 / _ODD <= aspect / input_aspect <= _ODD


def _crops(looks: Sequence[Look]) -> str:
    return "1 crop" if len(looks) == 1 else f"{len(looks)} crops"


def _first(looks: Sequence[Look]) -> str:
    return f"the first is {looks[0].width}x{looks[0].height}"


def _files(looks: Sequence[Look]) -> tuple[Path, ...]:
    return tuple(look.crop.path for look in looks)
