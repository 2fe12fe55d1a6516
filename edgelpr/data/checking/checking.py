"""The whole check of labelled plates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from edgelpr.data.checking.balance import absent_characters
from edgelpr.data.checking.findings import DataReport, Finding, PartSummary, Side
from edgelpr.data.checking.looking import Look, look_at
from edgelpr.data.checking.parts import LabelSet, Part, parts_of
from edgelpr.data.checking.relabelled import relabelled_pictures
from edgelpr.data.checking.repeated import same_pictures, shared_plates, similar_pictures
from edgelpr.data.checking.single import unfit_labels, unfit_sizes, unreadable_images
from edgelpr.plates.format import PlateFormat


def check_labels(
    sets: Sequence[LabelSet],
    plate_format: PlateFormat,
    workers: int = 1,
    progress: Callable[[int], object] | None = None,
) -> DataReport:
    """Look at every crop once and tell what is wrong with them, alone and together.

    Of an image only its size, two hashes and a thumbnail are kept: memory grows by about 2 KB a crop, time with their number.

    Args:
        sets: labelled plates by where they were read; splits of one set and the sets count as different parts.
        plate_format: what may stand on the plates, and the size of the network's input.
        workers: threads that read and decode.
        progress: called with the number of crops done.
    """
    looks = list(look_at(parts_of(sets), workers, progress))
    findings: list[Finding] = [
        *unreadable_images(looks),
        *unfit_labels(looks, plate_format),
        *same_pictures(looks),
        *relabelled_pictures(looks),
        *similar_pictures(looks),
        *shared_plates(looks),
        *unfit_sizes(looks, plate_format),
        *absent_characters(looks, plate_format),
    ]
    return DataReport(_summaries(looks), tuple(sorted(findings, key=lambda finding: finding.level != "error")))


def _summaries(looks: Sequence[Look]) -> tuple[PartSummary, ...]:
    parts: dict[Part, list[Look]] = {}
    for look in looks:
        parts.setdefault(look.part, []).append(look)
    return tuple(_summary(part, of_part) for part, of_part in parts.items())


def _summary(part: Part, looks: Sequence[Look]) -> PartSummary:
    readable = [look for look in looks if look.error is None]
    return PartSummary(
        name=part.name,
        role=part.role,
        crops=len(looks),
        plates=len({look.crop.plate for look in looks}),
        unreadable=len(looks) - len(readable),
        width=Side.of(look.width for look in readable),
        height=Side.of(look.height for look in readable),
        characters=dict(Counter("".join(look.crop.plate for look in looks)).most_common()),
    )
