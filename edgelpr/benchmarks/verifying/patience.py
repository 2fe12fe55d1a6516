"""Reading on where the engine fails on some plates, as where fp16 overflows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from edgelpr.errors import BackendError, ImageError
from edgelpr.preprocessing.images import Image
from edgelpr.runtime.reading import Reading
from edgelpr.runtime.recognizer import Recognizer


class PatientReader:
    """Reads plate by plate, so that a plate on which the engine fails costs no other; it counts as one not read."""

    def __init__(self, recognizer: Recognizer) -> None:
        self._recognizer = recognizer

    @property
    def backend(self) -> str:
        """Engine that reads."""
        return self._recognizer.backend

    @property
    def precision(self) -> str:
        """Precision of the graph that reads."""
        return self._recognizer.precision

    def stream(self, images: Iterable[Image]) -> Iterator[Reading | ImageError]:
        """Readings in the order of the images; for a plate on which the engine fails, the reason."""
        for image in images:
            try:
                yield from self._recognizer.stream([image])
            except BackendError as error:
                yield ImageError(str(error))
