"""Tracks made from labelled real crops, several of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from edgelpr.benchmarks.fusion.frozen import Progress
from edgelpr.benchmarks.fusion.track_set import TrackSet, collect
from edgelpr.data.rendering.tracks.tracks import GENERATOR_VERSION, Track, TrackRenderer
from edgelpr.models.iq_stan import FRAMES
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.training.real import RealSet

REAL_SEED = 9_000_102


@dataclass(frozen=True)
class RealTracks:
    """How crops become tracks."""

    draws: int = 5
    """Tracks of each crop; they share its plate, so that intervals are over crops."""

    hardness: float = 0.7
    """Of the damage."""

    seed: int = REAL_SEED
    """Of all tracks."""

    def make(
        self,
        renderer: TrackRenderer,
        real: RealSet,
        preprocessings: list[Preprocessing],
        progress: Progress = lambda done, total: None,
    ) -> TrackSet:
        """Degrade every frame apart, as ``TrackRenderer.from_crop`` does.

        Args:
            renderer: of tracks.
            real: the crops.
            preprocessings: of the networks.
            progress: told after each crop.
        """

        def drawn() -> Iterator[tuple[Track, int]]:
            for number, (crop, plate) in enumerate(real.crops):
                for draw in range(self.draws):
                    rng = np.random.default_rng((self.seed, number, draw))
                    yield renderer.from_crop(crop, plate, rng, FRAMES, self.hardness), number
                progress(number + 1, len(real.crops))

        recipe: Mapping[str, Any] = asdict(self) | {"generator_version": GENERATOR_VERSION, "crops_sha256": real.sha256}
        return collect(drawn(), preprocessings, {"data": real.name, "part": real.part, **recipe})
