"""Tracks into which frames of another plate came: a tracker that jumped from one vehicle to the next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edgelpr.benchmarks.fusion.frozen import Progress
from edgelpr.benchmarks.fusion.track_set import TrackSet, collect, mixed
from edgelpr.data.rendering.texts import draw
from edgelpr.data.rendering.tracks.tracks import GENERATOR_VERSION, Track, TrackRenderer
from edgelpr.models.iq_stan import FRAMES
from edgelpr.plates.format import PlateFormat
from edgelpr.preprocessing.crop import Preprocessing

MIXED_SEED = 9_000_103
_OWN, _SIMILAR, _DIFFERENT, _PLACES = range(4)
_MOST_CHANGED = 2
_TRIES = 100


@dataclass(frozen=True)
class MixedTracks:
    """Tracks of one plate, and the same with one or two frames of another."""

    tracks: int = 500
    """How many of each kind."""

    hardness: float = 0.7
    """Of the damage."""

    seed: int = MIXED_SEED
    """Of all tracks."""

    def own(self, renderer: TrackRenderer, preprocessings: list[Preprocessing], progress: Progress) -> TrackSet:
        """Each of one plate."""
        return self._collect(renderer, preprocessings, progress, "own")

    def others(
        self, renderer: TrackRenderer, preprocessings: list[Preprocessing], similar: bool, progress: Progress
    ) -> TrackSet:
        """As many of the other plates, which mixed tracks take frames from.

        Args:
            renderer: of tracks.
            preprocessings: of the networks.
            similar: whether they look like the own plates and differ in one or two characters; else they are drawn anew.
            progress: told after each track.
        """
        return self._collect(renderer, preprocessings, progress, "similar" if similar else "different")

    def places(self, count: int) -> NDArray[np.bool_]:
        """(N, F) which frames are exchanged: so many of each track, anywhere."""
        rng = np.random.default_rng((self.seed, count, _PLACES))
        return np.array([rng.permutation(FRAMES) < count for _ in range(self.tracks)])

    def mix(self, own: TrackSet, others: TrackSet, count: int) -> TrackSet:
        """The own tracks with so many frames of the others."""
        return mixed(own, others, self.places(count))

    def track(self, renderer: TrackRenderer, number: int, kind: str) -> Track:
        """One of them; ``kind`` is own, similar or different."""
        plate_format = renderer.plate_format
        text, layout = draw(plate_format, np.random.default_rng((self.seed, number, _OWN)))
        rng = np.random.default_rng((self.seed, number, {"own": _OWN, "similar": _SIMILAR, "different": _DIFFERENT}[kind], 1))
        if kind == "similar":
            text = change_characters(text, plate_format, rng)
        elif kind == "different":
            text, layout = draw(plate_format, rng)
        return renderer.of_plate(text, layout, rng, FRAMES, self.hardness)

    def _collect(self, renderer: TrackRenderer, preprocessings: list[Preprocessing], progress: Progress, kind: str) -> TrackSet:
        def drawn() -> Iterator[tuple[Track, int]]:
            for number in range(self.tracks):
                yield self.track(renderer, number, kind), number
                progress(number + 1, self.tracks)

        return collect(drawn(), preprocessings, asdict(self) | {"generator_version": GENERATOR_VERSION, "kind": kind})


def change_characters(plate: str, plate_format: PlateFormat, rng: Generator) -> str:
    """Another plate that differs in one or two characters, never in the first.

    What may stand at a place comes from other plates of the same length that the format draws.

    Args:
        plate: of the format, two characters or more.
        plate_format: of both.
        rng: source of every choice.

    Raises:
        ValueError: no other character was found for a place.
    """
    characters = list(plate)
    count = int(rng.integers(1, _MOST_CHANGED + 1))
    places = 1 + rng.permutation(len(plate) - 1)[:count]
    for place in places.tolist():
        characters[place] = _another(plate, place, plate_format, rng)
    return "".join(characters)


def _another(plate: str, place: int, plate_format: PlateFormat, rng: Generator) -> str:
    for _ in range(_TRIES):
        other, _layout = draw(plate_format, rng)
        if len(other) == len(plate) and other[place] != plate[place]:
            return other[place]
    raise ValueError(f"no other character found for place {place + 1} of '{plate}'; expected a format with a choice there")
