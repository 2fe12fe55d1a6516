"""Reading calibration tracks: filmed ones, and ones made from single crops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgelpr.calibration.gathering import Gathering
from edgelpr.calibration.images import LEAST_IMAGES
from edgelpr.calibration.loading import MOST_IMAGES, as_sources, check_alikeness, too_few
from edgelpr.calibration.sampling import sample_evenly
from edgelpr.calibration.sources import CalibrationSource, Candidates, find_candidates
from edgelpr.calibration.track_images import CalibrationTracks
from edgelpr.data.rendering.tracks.making import MadeTracks
from edgelpr.errors import CalibrationError, UsageError
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.preprocessing.images import Image


def load_calibration_tracks(
    source: Path | CalibrationSource | Sequence[CalibrationSource],
    preprocessing: Preprocessing,
    making: MadeTracks,
    *,
    most: int = MOST_IMAGES,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> CalibrationTracks:
    """Tracks to measure ranges on, chosen evenly over all that the sources name.

    Frames of one plate, from a CSV with the columns track,image or from a folder a track, are a track as they are; every other
    picture is a single crop, from which a track is made. Pictures are left out as by ``load_calibration_images``.

    Args:
        source: a folder, a CSV, or several sources; folders are represented in proportion.
        preprocessing: the network's.
        making: how single crops become tracks, and how many frames the network reads together.
        most: how many tracks to take, at least 32.
        seed: decides which; the same on every machine.
        progress: called with how many are taken, of how many.

    Raises:
        CalibrationError: fewer than 32 tracks are left, or fewer different plates, or a source cannot be used.
        DataError: a CSV with a mistake, or no plate of the split.
        UsageError: ``most`` is less than 32, or there is no source.
    """
    sources = as_sources(source)
    if most < LEAST_IMAGES:
        raise UsageError(f"{most} calibration tracks; expected at least {LEAST_IMAGES}, or the ranges hang on single plates")
    candidates = find_candidates(sources, frames=True)
    gathering = _TrackGathering(candidates, preprocessing, making, most, progress)
    sample_evenly(len(gathering.groups), most, seed, gathering.take)
    places = ", ".join(str(one.path) for one in sources)
    if len(gathering.taken) < LEAST_IMAGES:
        found = f"{len(gathering.taken)} usable tracks of {len(gathering.groups)} found"
        raise CalibrationError(too_few(places, found, candidates, gathering.pictures.left_out))
    tracks = gathering.tracks(seed)
    check_alikeness(tracks.pictures, places)
    return tracks


class _TrackGathering:
    """Looks at tracks one by one and keeps what is of use."""

    def __init__(
        self,
        candidates: Candidates,
        preprocessing: Preprocessing,
        making: MadeTracks,
        most: int,
        progress: Callable[[int, int], None],
    ) -> None:
        self._candidates, self._making, self._progress = candidates, making, progress
        self._preprocessing = preprocessing
        self.groups = _grouped(candidates)
        self._total = min(most, len(self.groups))
        self._made: dict[int, Image] = {}
        self.pictures = Gathering(candidates.images, preprocessing, most, lambda done, total: None, self._make)
        """What was seen of single pictures."""
        self.taken: dict[int, list[int]] = {}
        """Numbers of the pictures that each track taken has, by the track's number."""

    def take(self, number: int) -> bool:
        """Look at one track; whether any of its pictures is of use."""
        found: list[int] = []
        for picture in self.groups[number]:
            if len(found) < self._making.most and self.pictures.take(picture):
                found.append(picture)
        if found:
            self.taken[number] = found
            self._progress(len(self.taken), self._total)
        return bool(found)

    def tracks(self, seed: int) -> CalibrationTracks:
        """What was taken, in the order of the sources."""
        images = self.pictures.images(self._candidates, seed)
        rows = {number: row for row, number in enumerate(sorted(self.pictures.taken))}
        chosen = [self.taken[number] for number in sorted(self.taken)]
        filled = [
            self._filled(self._made[track[0]] if track[0] in self._made else images.crops[[rows[number] for number in track]])
            for track in chosen
        ]
        frames = np.stack([pixels for pixels, _ in filled])
        frames.flags.writeable = False
        firsts = tuple(rows[track[0]] for track in chosen)
        made = self._making if self._made else None
        return CalibrationTracks(frames, np.stack([there for _, there in filled]), images, firsts, made, len(self._made))

    def _make(self, number: int, crop: Image) -> None:
        if self._candidates.images[number].track is None:
            self._made[number] = self._preprocessing.batch(self._making.of(crop))

    def _filled(self, frames: Image) -> tuple[Image, NDArray[np.uint8]]:
        """As many frames as the network takes, the missing ones by repeating, and which are there."""
        places = np.arange(self._making.most)
        there: NDArray[np.uint8] = (places < len(frames)).astype(np.uint8)
        return frames[places % len(frames)], there


def _grouped(candidates: Candidates) -> list[list[int]]:
    """Numbers of the pictures of each track; a single crop is alone."""
    groups: dict[str | int, list[int]] = {}
    for number, candidate in enumerate(candidates.images):
        groups.setdefault(number if candidate.track is None else candidate.track, []).append(number)
    return list(groups.values())
