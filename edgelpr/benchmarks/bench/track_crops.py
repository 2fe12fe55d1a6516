"""Tracks to read: distinct ones in rotation, each a tuple of its frames."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from edgelpr.benchmarks.bench.crops import Rotation, hash_images
from edgelpr.benchmarks.bench.run import Crops
from edgelpr.errors import DataError
from edgelpr.plates.format import PlateFormat
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.preprocessing.images import Image

MOST_TRACKS = 32
"""Tracks that rotate."""

_FEWEST = 2


def rendered_tracks(
    plate_format: PlateFormat, preprocessing: Preprocessing, frames: int, seed: int = 0, count: int = MOST_TRACKS
) -> Rotation:
    """Rendered captures of plates that drive past, of the sizes that a detector delivers; the same for the same seed.

    Args:
        plate_format: what stands on the plates.
        preprocessing: of the network's frames.
        frames: of each track.
        seed: of all tracks.
        count: tracks.

    Raises:
        DataError: the package has no letters for this format.
    """
    from edgelpr.data.rendering.samples import Renderer
    from edgelpr.data.rendering.tracks.tracks import TrackRenderer

    try:
        renderer = TrackRenderer(Renderer(plate_format), preprocessing)
        tracks = [renderer.render(seed, number, frames).frames for number in range(count)]
    except DataError as error:
        raise DataError(f"no tracks can be rendered to measure with ({error}); give real ones with --images") from error
    return rotation_of_tracks(tracks, frames, f"rendered tracks of {frames}, seed {seed}")


def rotation_of_tracks(tracks: Iterable[Sequence[Image]], frames: int, source: str, left_out: Sequence[str] = ()) -> Rotation:
    """The first frames of each track, of those that have enough of them and differ from each other.

    Args:
        tracks: frames (H, W) grey or (H, W, 3) BGR, uint8, of any sizes.
        frames: that are read together: with fewer the network would have less to do, with more it would score them first.
        source: what to call them.
        left_out: what was left out before.

    Raises:
        DataError: fewer than two such tracks: one that is repeated would flatter the caches.
    """
    found: dict[str, tuple[Image, ...]] = {}
    for track in tracks:
        taken = tuple(track[:frames])
        if len(taken) == frames and any(np.ptp(frame) > 0 for frame in taken):
            found.setdefault(hash_images(taken), taken)
    if len(found) < _FEWEST:
        raise DataError(
            f"{source}: {len(found)} tracks of {frames} frames or more that show something; expected at least {_FEWEST} that "
            "differ, since one that is repeated flatters the caches"
        )
    kept = tuple(found.values())
    every = hash_images(frame for track in kept for frame in track)
    return Rotation(kept, Crops(source, len(kept), every), tuple(left_out))
