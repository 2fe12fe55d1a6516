"""Saving drawn tracks into one folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgelpr.cli.saving import place_drawings
from edgelpr.cli.tracks import WantedTrack
from edgelpr.data.track_drawing import draw_track
from edgelpr.data.writing import make_folder, write_image
from edgelpr.errors import DataError
from edgelpr.runtime.tracks.track import PlateTrack


class TrackDrawings:
    """A folder of drawings ``NAME-reading.png``; tracks of one name from several places are numbered.

    Args:
        folder: made if it is absent.
        tracks: all that are to come.

    Raises:
        DataError: the folder cannot be made.
    """

    def __init__(self, folder: Path, tracks: Sequence[WantedTrack]) -> None:
        self.limits: str | None = None
        """What the lettering could not write, once something was drawn."""
        self._places = place_drawings(folder, [Path(track.name) for track in tracks])
        make_folder(folder)

    def save(self, wanted: WantedTrack, track: PlateTrack) -> None:
        """Draw what was read.

        Raises:
            DataError: the bundle gives no attention to draw, or the drawing cannot be written.
            BackendError: the engine failed.
        """
        maps = track.maps()
        if maps is None:
            raise DataError(
                "this bundle was exported without attention (--no-maps), so there is nothing to draw; leave out --save"
            )
        drawing, self.limits = draw_track(track.reading(), maps)
        write_image(self._places[Path(wanted.name)], drawing)
