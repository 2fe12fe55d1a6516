"""Tracks in memory, as every network that is compared sees them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgelpr.data.digest import pixel_sha256
from edgelpr.data.rendering.tracks.tracks import Track
from edgelpr.errors import DataError
from edgelpr.plates.format import PlateFormat
from edgelpr.preprocessing.crop import Preprocessing


@dataclass(frozen=True, eq=False)
class TrackSet:
    """N tracks of F frames each.

    Each network gets its own preprocessing of the captures as the camera took them, so none reads another one's pictures.
    """

    pictures: Mapping[Preprocessing, NDArray[np.uint8]]
    """(N, F, H, W) grey, by what made them from the captures."""

    quality: NDArray[np.float32]
    """(N, F) ``legibility`` of each frame, 0 to 1."""

    plates: tuple[str, ...]
    """N texts."""

    clusters: NDArray[np.int64]
    """(N,) which tracks belong together because they were made from one crop; all different where none do."""

    sha256: str
    """Over plates and the pixels of all captures, in their order."""

    recipe: Mapping[str, Any]
    """What it was made from, as plain values."""

    def __len__(self) -> int:
        return len(self.plates)

    @property
    def independent(self) -> bool:
        """Whether no two tracks belong together."""
        return len(np.unique(self.clusters)) == len(self)

    def classes(self, plate_format: PlateFormat) -> NDArray[np.int64]:
        """(N, P) true classes."""
        return np.array([plate_format.encode(plate) for plate in self.plates], dtype=np.int64)

    def to_dict(self) -> dict[str, Any]:
        """What a result says of it."""
        crops = {} if self.independent else {"crops": len(np.unique(self.clusters))}
        return {**self.recipe, "tracks": len(self), **crops, "sha256": self.sha256}


def collect(
    tracks: Iterable[tuple[Track, int]], preprocessings: Sequence[Preprocessing], recipe: Mapping[str, Any]
) -> TrackSet:
    """Preprocess tracks as they come; their captures are not kept.

    Args:
        tracks: each with the number of its cluster, all of the same number of frames.
        preprocessings: of the networks.
        recipe: what the set was made from.

    Raises:
        DataError: there is no track.
    """
    chosen = list(dict.fromkeys(preprocessings))
    pictures: list[list[NDArray[np.uint8]]] = [[] for _ in chosen]
    quality, plates, clusters, digest = [], [], [], hashlib.sha256()
    for track, cluster in tracks:
        for kept, preprocessing in zip(pictures, chosen):
            kept.append(preprocessing.batch(track.frames))
        quality.append(track.quality)
        plates.append(track.plate)
        clusters.append(cluster)
        digest.update("\t".join([track.plate, *map(pixel_sha256, track.frames)]).encode() + b"\n")
    if not plates:
        raise DataError("no track in this set; expected at least one")
    stacked = {preprocessing: np.stack(kept) for preprocessing, kept in zip(chosen, pictures)}
    labels = np.array(quality, dtype=np.float32)
    return TrackSet(stacked, labels, tuple(plates), np.array(clusters, dtype=np.int64), digest.hexdigest(), dict(recipe))


def mixed(first: TrackSet, second: TrackSet, places: NDArray[np.bool_]) -> TrackSet:
    """Tracks into which frames of other plates came; they keep the text of the first.

    Args:
        first: N tracks.
        second: as many, preprocessed alike.
        places: (N, F) where a frame of the second stands.
    """
    pictures = {key: np.where(places[..., None, None], second.pictures[key], own) for key, own in first.pictures.items()}
    quality = np.where(places, second.quality, first.quality)
    digest = hashlib.sha256(f"{first.sha256} {second.sha256} ".encode() + places.tobytes()).hexdigest()
    return replace(first, pictures=pictures, quality=quality, sha256=digest)
