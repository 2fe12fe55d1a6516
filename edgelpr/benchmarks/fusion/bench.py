"""The networks of one comparison, and what they read of a set of tracks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import cast

import numpy as np
from numpy.typing import NDArray

from edgelpr.benchmarks.fusion.frozen import Progress
from edgelpr.benchmarks.fusion.keeping import Arrays, Kept
from edgelpr.benchmarks.fusion.networks import Named
from edgelpr.benchmarks.fusion.reading import (
    Choice,
    TrackReadings,
    all_frames,
    best_frames,
    first_frames,
    one_frame,
    read_choices,
    read_frames,
)
from edgelpr.benchmarks.fusion.track_set import TrackSet
from edgelpr.models.hpa import Hpa
from edgelpr.models.iq_stan import FRAMES, IqStan
from edgelpr.plates.format import PlateFormat
from edgelpr.preprocessing.crop import Preprocessing

Floats = NDArray[np.float32]

_EVERY = 15.0


@dataclass(frozen=True, eq=False)
class Bench:
    """Networks under comparison."""

    tracks: Named
    """IQ-STAN."""

    singles: tuple[Named, ...] = ()
    """Networks that read single frames."""

    ablations: tuple[Named, ...] = ()
    """IQ-STAN without some of its parts."""

    kept: Kept = field(default_factory=lambda: Kept(None))
    """Readings of former runs."""

    say: Callable[[str], None] = lambda line: None
    """Told what is being done."""

    @property
    def plate_format(self) -> PlateFormat:
        """Of all of them."""
        return self.tracks.plate_format

    @property
    def preprocessings(self) -> list[Preprocessing]:
        """Of all of them, each once, IQ-STAN's first."""
        return list(dict.fromkeys(named.preprocessing for named in (self.tracks, *self.singles, *self.ablations)))

    def progress(self, what: str) -> Progress:
        """Says how far something is, now and then."""
        last = monotonic()

        def told(done: int, total: int) -> None:
            nonlocal last
            if monotonic() - last > _EVERY:
                last = monotonic()
                self.say(f"{what}: {done} of {total}")

        return told

    def together(self, named: Named, tracks: TrackSet) -> Arrays:
        """``five`` (N, P, S), ``five likeness`` (N, 5, 5), and ``quality`` (N, 5) with the branch, of one IQ-STAN."""
        return self._read(named, tracks, "five", [all_frames(len(tracks))], compare=True)

    def alone(self, named: Named, tracks: TrackSet) -> Floats:
        """(N, 5, P, S) of each frame read alone, by a network of either kind."""
        pictures = tracks.pictures[named.preprocessing]
        what = f"{named.name} reads single frames"
        if isinstance(named.network, Hpa):
            network = named.network
            made_from = (tracks.sha256, named.sha256, "crops")
            return self.kept.get(made_from, lambda: {"alone": read_frames(network, pictures, self.progress(what))})["alone"]
        found = self._read(named, tracks, "alone", [one_frame(len(tracks), number) for number in range(FRAMES)])
        return np.stack([found[f"alone {number}"] for number in range(FRAMES)], axis=1)

    def first(self, tracks: TrackSet) -> list[TrackReadings]:
        """IQ-STAN with the first frame, the first two, and so on to all."""
        choices = [first_frames(len(tracks), frames) for frames in range(1, FRAMES + 1)]
        return _unpacked(self._read(self.tracks, tracks, "first", choices, compare=True), "first")

    def best(self, tracks: TrackSet) -> list[TrackReadings] | None:
        """The same of the best frame by its score, the best two, and so on; None without the branch."""
        scores = self.together(self.tracks, tracks).get("quality")
        if scores is None:
            return None
        choices = [best_frames(scores, frames) for frames in range(1, FRAMES + 1)]
        return _unpacked(self._read(self.tracks, tracks, "best", choices, compare=True), "best")

    def _read(self, named: Named, tracks: TrackSet, what: str, choices: list[Choice], compare: bool = False) -> Arrays:
        """Each choice as ``WHAT`` or ``WHAT NUMBER``, its ``likeness`` where compared, and ``quality`` with the branch."""
        network, pictures = cast(IqStan, named.network), tracks.pictures[named.preprocessing]

        def make() -> Arrays:
            progress = self.progress(f"{named.name} reads {what}")
            read, quality = read_choices(network, pictures, choices, progress, compare)
            names = [what] if len(read) == 1 else [f"{what} {number}" for number in range(len(read))]
            found = {name: values.probabilities for name, values in zip(names, read)}
            found |= {f"{name} likeness": each.likeness for name, each in zip(names, read) if each.likeness is not None}
            return found if quality is None else found | {"quality": quality}

        return self.kept.get((tracks.sha256, named.sha256, what, *(["compared"] if compare else [])), make)


def _unpacked(found: Arrays, what: str) -> list[TrackReadings]:
    names = [f"{what} {number}" for number in range(FRAMES)]
    return [TrackReadings(found[name], found[f"{name} likeness"]) for name in names]
