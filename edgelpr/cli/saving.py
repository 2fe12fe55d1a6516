"""Saving drawn readings of many files into one folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from edgelpr.data.drawing import draw_reading
from edgelpr.data.writing import make_folder, write_image
from edgelpr.errors import DataError, ImageError
from edgelpr.preprocessing.images import read_image
from edgelpr.runtime.reading import Reading
from edgelpr.runtime.recognizer import Recognizer


class Drawings:
    """A folder of drawings ``NAME-reading.png``; files of one name from several folders are numbered.

    Args:
        folder: made if it is absent.
        paths: all files to come, in order.
        recognizer: gives the HPA maps.

    Raises:
        DataError: the folder cannot be made.
    """

    def __init__(self, folder: Path, paths: Iterable[Path], recognizer: Recognizer) -> None:
        self.limits: str | None = None
        """What the lettering could not write, once something was drawn."""
        self._recognizer = recognizer
        self._places = place_drawings(folder, paths)
        make_folder(folder)

    def save(self, path: Path, reading: Reading) -> None:
        """Draw one reading.

        Raises:
            DataError: the drawing cannot be written.
            BackendError: the engine failed.
        """
        try:
            image = read_image(path)
        except ImageError as error:
            raise DataError(f"{path}: changed while it was being read ({error})") from error
        drawing, self.limits = draw_reading(image, reading, self._recognizer.maps(image))
        write_image(self._places[path], drawing)


def place_drawings(folder: Path, paths: Iterable[Path]) -> dict[Path, Path]:
    """Where each drawing goes; none replaces an image that was named or another drawing, upper and lower case alike."""
    images = list(paths)
    taken = {_key(image) for image in images}
    places: dict[Path, Path] = {}
    for image in images:
        place, number = folder / f"{image.stem}-reading.png", 1
        while _key(place) in taken:
            number += 1
            place = folder / f"{image.stem}-{number}-reading.png"
        taken.add(_key(place))
        places[image] = place
    return places


def _key(path: Path) -> str:
    return str(path.resolve()).lower()
