"""Whether training shows every character."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from edgelpr.data.checking.findings import Finding
from edgelpr.data.checking.looking import Look
from edgelpr.plates.format import PlateFormat


def absent_characters(looks: Sequence[Look], plate_format: PlateFormat) -> Iterator[Finding]:
    """At most one finding: characters of the alphabet that no training plate shows.

    Where no part says by its name what it is for, all of them count; where all are held out, nothing trains.
    """
    wanted = "train" if any(look.part.role for look in looks) else None
    training = [look for look in looks if look.part.role == wanted and look.error is None]
    seen = Counter(character for look in training for character in look.crop.plate)
    absent = [character for character in plate_format.alphabet if not seen[character]]
    if training and absent:
        share = f"{len(absent)} of {len(plate_format.alphabet)} characters of '{plate_format.name}'"
        what = f"{share} never stand on a plate that trains: {''.join(absent)}"
        remedy = "add plates that show them, rendered ones for example (edgelpr synth); what is never shown is never read"
        yield Finding("warning", "absent-character", (), what, remedy)
