"""The frozen set of rendered tracks: always the same pixels, and a check that they are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgelpr.benchmarks.fusion.track_set import TrackSet, collect
from edgelpr.data.rendering.tracks.tracks import GENERATOR_VERSION, Track, TrackRenderer
from edgelpr.errors import DataError
from edgelpr.models.iq_stan import FRAMES
from edgelpr.preprocessing.crop import Preprocessing

FROZEN_SEED = 9_000_101
"""Of tracks that are measured on: no run trains on it, and none chooses its checkpoint by it."""

Progress = Callable[[int, int], None]
"""Told how many are done, of how many."""


@dataclass(frozen=True)
class FrozenTracks:
    """What decides every pixel."""

    tracks: int = 5000
    """How many."""

    hardness: float = 0.7
    """Of the damage: one frame alone is read in 40 to 60 % of cases."""

    seed: int = FROZEN_SEED
    """Of all tracks."""

    frames: int = FRAMES
    """Captures of each."""

    def render(self, renderer: TrackRenderer, number: int) -> Track:
        """The track of that number."""
        return renderer.render(self.seed, number, self.frames, self.hardness)

    def render_all(
        self,
        renderer: TrackRenderer,
        preprocessings: list[Preprocessing],
        about: Mapping[str, Any] | None = None,
        progress: Progress = lambda done, total: None,
    ) -> TrackSet:
        """All of them, in memory: about 80 kB a track.

        Args:
            renderer: of tracks.
            preprocessings: of the networks.
            about: more of what it was made from, for the result.
            progress: told after each track.
        """

        def drawn() -> Iterator[tuple[Track, int]]:
            for number in range(self.tracks):
                yield self.render(renderer, number), number
                progress(number + 1, self.tracks)

        recipe = asdict(self) | {"generator_version": GENERATOR_VERSION, "plate_format": renderer.plate_format.name}
        return collect(drawn(), preprocessings, recipe | {"glyphs": renderer.description} | dict(about or {}))


def folder_sha256(folder: Path) -> str:
    """SHA-256 over names and bytes of the files in a folder, sorted by name, in hexadecimal.

    Raises:
        DataError: it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        for path in sorted(folder.iterdir()):
            if path.is_file():
                digest.update(f"{path.name}\t{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error}); expected a folder of glyph images") from error
    return digest.hexdigest()


def check_unchanged(described: Mapping[str, Any], before: Mapping[str, Any], where: Path) -> None:
    """Refuse a set that is not the one of an earlier result: their figures could not be compared.

    Args:
        described: what ``TrackSet.to_dict`` gives.
        before: the same from the result.
        where: the result's file, for the message.

    Raises:
        DataError: they differ; the message says in what.
    """
    keys = [*described, *(key for key in before if key not in described)]
    differing = [key for key in keys if described.get(key) != before.get(key)]
    if not differing:
        return
    if differing == ["sha256"]:
        raise DataError(
            f"{where}: the same seed gave other pixels there ({before['sha256'][:12]}, here {described['sha256'][:12]}): "
            "another OpenCV, or a processor without AVX2, rendered them. Install the versions in constraints.txt, or name "
            "another --output"
        )
    found = "; ".join(f"{key} {json.dumps(before.get(key))} there, {json.dumps(described.get(key))} here" for key in differing)
    raise DataError(f"{where}: is of another set of tracks ({found}); measure that one, or name another --output")
