"""Pictures and plates that come more than once, most of all on both sides of a split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

from edgelpr.data.checking.alike import groups_alike
from edgelpr.data.checking.findings import Finding
from edgelpr.data.checking.looking import Look
from edgelpr.data.checking.parts import Part

_SHOWN = 5


def same_pictures(looks: Sequence[Look]) -> Iterator[Finding]:
    """A finding for each picture that is there more than once, pixel by pixel.

    An error where it both trains and is held out, and where it has two labels: one of them is wrong.
    """
    for group in _grouped(looks):
        parts, plates = parts_shown(group), sorted({look.crop.plate for look in group})
        files = tuple(look.crop.path for look in group)
        if len(plates) > 1:
            what = f"the same picture is labelled {' and '.join(plates)} ({where(parts)})"
            yield Finding("error", "contradiction", files, what, "keep one of them, with the right label")
        elif _leaks(parts):
            what = f"the same picture of {plates[0]} trains and is held out ({where(parts)})"
            yield Finding("error", "same-picture", files, what, "take it out of one part: it makes accuracy look better")
        else:
            what = f"the same picture of {plates[0]} is there {len(group)} times ({where(parts)})"
            yield Finding("warning", "same-picture", files, what, "keep one; the others count it several times")


def similar_pictures(looks: Sequence[Look]) -> Iterator[Finding]:
    """A finding for each plate whose pictures in different parts are near each other, though not the same.

    Pictures of one part that look alike are left alone: frames of a passage are what training sets are made of.
    """
    for plate, shown in _by_plate(looks).items():
        for group in groups_alike([look.outline for look in shown]) if len(parts_shown(shown)) > 1 else ():
            alike = [shown[index] for index in group]
            parts = parts_shown(alike)
            if len(parts) > 1 and len({look.digest for look in alike}) > 1:
                what = f"{len(alike)} pictures of {plate} look alike and lie in different parts ({where(parts)})"
                remedy = "if they are one passage of one car, keep them in one part"
                yield Finding("warning", "similar-picture", tuple(look.crop.path for look in alike), what, remedy)


def shared_plates(looks: Sequence[Look]) -> Iterator[Finding]:
    """A finding for each two parts that show the same plates."""
    plates: dict[Part, dict[str, list[Look]]] = defaultdict(lambda: defaultdict(list))
    for look in looks:
        plates[look.part][look.crop.plate].append(look)
    for one, other in combinations(plates, 2):
        both = sorted(plates[one].keys() & plates[other].keys())
        if both:
            files = tuple(look.crop.path for plate in both for part in (one, other) for look in plates[part][plate])
            few = ", ".join(both[:_SHOWN]) + (", ..." if len(both) > _SHOWN else "")
            shared = "1 plate" if len(both) == 1 else f"{len(both)} plates"
            what = f"'{one.name}' and '{other.name}' share {shared}: {few}"
            yield Finding("warning", "shared-plate", files, what, "split by plate, so that no plate is known before its test")


def _grouped(looks: Sequence[Look]) -> list[list[Look]]:
    groups: dict[bytes, list[Look]] = defaultdict(list)
    for look in looks:
        if look.error is None:
            groups[look.digest].append(look)
    return [group for group in groups.values() if len(group) > 1]


def _by_plate(looks: Sequence[Look]) -> dict[str, list[Look]]:
    plates: dict[str, list[Look]] = defaultdict(list)
    for look in looks:
        if look.error is None:
            plates[look.crop.plate].append(look)
    return plates


def parts_shown(looks: Sequence[Look]) -> list[Part]:
    """The parts that crops lie in, each once."""
    return list(dict.fromkeys(look.part for look in looks))


def _leaks(parts: Sequence[Part]) -> bool:
    return {"train", "held out"} <= {part.role for part in parts}


def where(parts: Sequence[Part]) -> str:
    """The end of a sentence about parts."""
    return "in " + " and ".join(f"'{part.name}'" for part in parts)
