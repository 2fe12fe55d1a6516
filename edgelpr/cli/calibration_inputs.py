"""What `edgelpr calibrate` measures on: crops, or tracks for a bundle that reads tracks."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgelpr.cli.crops import rendered_crops
from edgelpr.cli.output import note
from edgelpr.errors import DataError, UsageError, require
from edgelpr.types import LabelFormat

if TYPE_CHECKING:
    from edgelpr.bundle.bundle import Bundle
    from edgelpr.calibration.images import CalibrationImages
    from edgelpr.calibration.inputs import Inputs
    from edgelpr.calibration.track_images import CalibrationTracks

OF_TRACKS = ("tracks", "hardness")
"""Options that only bundles that read tracks have a use for."""

_RENDERED = 32
_SHOWN = 5


@dataclass(frozen=True)
class Asked:
    """Which images the options name."""

    images: tuple[Path, ...]
    """Folders and labels."""

    label_format: LabelFormat | None
    """How labels are stored; None: found out."""

    split: str | None
    """The part; None: the one that is meant for it."""

    rectify: bool
    """Straighten plates by their corners."""

    tracks: bool
    """Whether each folder holds the frames of one plate."""

    hardness: float
    """Of the damage to made tracks."""

    most: int
    """Images, or tracks, to take."""

    seed: int
    """Decides which, and what is made of crops."""


def check_track_options(opened: Bundle, given: Collection[str]) -> None:
    """Refuse what is about tracks for a bundle that reads crops.

    Raises:
        UsageError: such an option was given.
    """
    needless = [name for name in given if name in OF_TRACKS]
    if needless and opened.manifest.frames is None:
        raise UsageError(f"--{needless[0]} is for bundles that read tracks, and {opened.path} reads single crops; leave it out")


def load_inputs(opened: Bundle, asked: Asked) -> CalibrationImages | CalibrationTracks:
    """Read what was named, and say what was taken and what was not.

    Raises:
        CalibrationError: too little of use; DataError: labels with a mistake.
    """
    from edgelpr.calibration.loading import load_calibration_images
    from edgelpr.calibration.sources import CalibrationSource
    from edgelpr.calibration.track_loading import load_calibration_tracks
    from edgelpr.cli.progress import Steps
    from edgelpr.data.rendering.tracks.making import MadeTracks

    manifest = opened.manifest
    names = (asked.label_format, asked.split, asked.rectify, asked.tracks)
    sources = [CalibrationSource(path, *names) for path in asked.images]
    with Steps("Reading images") as steps:
        if manifest.frames is None:
            images = load_calibration_images(
                sources, manifest.preprocessing, most=asked.most, seed=asked.seed, progress=steps.reach
            )
            _say(images, f"{len(images)} of {images.found} images", asked.seed)
            return images
        making = MadeTracks(asked.seed, asked.hardness, manifest.frames)
        tracks = load_calibration_tracks(
            sources, manifest.preprocessing, making, most=asked.most, seed=asked.seed, progress=steps.reach
        )
    _say(tracks.images, _counted(tracks), asked.seed)
    return tracks


def rendered_inputs(opened: Bundle) -> Inputs:
    """What to check graphs on without images: rendered plates, always the same.

    Raises:
        DataError: the package has no letters for this format.
        MissingDependencyError: what renders is not installed.
    """
    require("PIL", "export", "rendering crops to check graphs on", package="pillow")
    manifest = opened.manifest
    if manifest.frames is None:
        return (rendered_crops(manifest.plate_format, _RENDERED, "the graphs"),)
    import numpy as np

    from edgelpr.data.rendering.samples import Renderer
    from edgelpr.data.rendering.tracks.tracks import TrackRenderer

    try:
        renderer = TrackRenderer(Renderer(manifest.plate_format), manifest.preprocessing)
        tracks = [renderer.render(0, number, manifest.frames) for number in range(_RENDERED)]
    except DataError as error:
        raise DataError(f"no tracks can be rendered to check the graphs on ({error}); give real ones with --images") from error
    counts = manifest.frames - np.arange(_RENDERED) % manifest.frames
    present = (np.arange(manifest.frames) < counts[:, None]).astype(np.uint8)
    return np.stack([manifest.preprocessing.batch(track.frames) for track in tracks]), present


def _counted(tracks: CalibrationTracks) -> str:
    frames, made = int(tracks.present.sum()), tracks.made_count
    how = {0: "as they were filmed", len(tracks): "each made from a single crop"}
    words = how.get(made, f"{made} of them made from a single crop each")
    return f"{len(tracks)} tracks of {frames} frames, {words}"


def _say(images: CalibrationImages, what: str, seed: int) -> None:
    note(f"{what} ({'; '.join(images.sources)}), seed {seed}")
    for item in images.left_out[:_SHOWN]:
        note(f"  left out: {item.reason}")
    if len(images.left_out) > _SHOWN:
        note(f"  and {len(images.left_out) - _SHOWN} more (--json lists all)")
    for name, count in images.held_back:
        note(f"  held back for testing: {count} images of the part {name}")
