"""Measuring a recogniser on labelled plates."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from edgelpr.data.digest import data_sha256
from edgelpr.data.labelled import LabelledCrop
from edgelpr.errors import DataError, ImageError, PlateFormatError
from edgelpr.plates.format import PlateFormat
from edgelpr.preprocessing.images import Image
from edgelpr.runtime.reading import Reading
from edgelpr.training.scores import Evaluation, PlateScore, Progress


class PlateReader(Protocol):
    """The part of ``Recognizer`` that an evaluation needs."""

    @property
    def backend(self) -> str:
        """Engine that reads."""

    @property
    def precision(self) -> str:
        """Precision of the graph that reads."""

    def stream(self, images: Iterable[Image]) -> Iterator[Reading | ImageError]:
        """Readings in the order of the images, taking them as it needs them."""


def evaluate(
    recognizer: PlateReader,
    labelled: Sequence[LabelledCrop],
    progress: Progress | None = None,
    plate_format: PlateFormat | None = None,
    rectify: bool = False,
) -> Evaluation:
    """Read every plate and compare.

    Args:
        recognizer: reads the crops; batches them as it was opened to.
        labelled: the plates, at least one.
        progress: called after each plate.
        plate_format: what the recogniser can spell, to warn of labels beyond it.
        rectify: straighten plates by their corners where the labels give them.

    Raises:
        DataError: there is no plate.
        BackendError: the engine failed.
    """
    if not labelled:
        raise DataError("no plates to evaluate; expected at least one labelled image")
    scores: list[PlateScore] = []
    for score in _scores(recognizer, labelled, rectify):
        scores.append(score)
        if progress is not None:
            progress(len(scores), len(labelled))
    return Evaluation(
        scores=tuple(scores),
        precision=recognizer.precision,
        backend=recognizer.backend,
        data_sha256=data_sha256(labelled),
        warnings=() if plate_format is None else labels_beyond(plate_format, labelled),
    )


def _scores(recognizer: PlateReader, labelled: Sequence[LabelledCrop], rectify: bool) -> Iterator[PlateScore]:
    """Scores in the order of the labels, although files that cannot be loaded never reach the recogniser."""
    loading = _Loading(labelled, rectify)
    for outcome in recognizer.stream(loading):
        yield from loading.failed_before_next()
        yield _score(loading.waiting.popleft()[0], outcome)
    yield from loading.failed_before_next()


class _Loading:
    """Feeds crops to the recogniser, which reads ahead, and remembers what it took and what could not be loaded."""

    def __init__(self, labelled: Sequence[LabelledCrop], rectify: bool) -> None:
        self._labelled, self._rectify = labelled, rectify
        self.waiting: deque[tuple[LabelledCrop, ImageError | None]] = deque()

    def __iter__(self) -> Iterator[Image]:
        for crop in self._labelled:
            try:
                image = crop.load(self._rectify)
            except ImageError as error:
                self.waiting.append((crop, error))
            else:
                self.waiting.append((crop, None))
                yield image

    def failed_before_next(self) -> Iterator[PlateScore]:
        """Scores of the files that could not be loaded, up to the next one that could."""
        while self.waiting and self.waiting[0][1] is not None:
            crop, error = self.waiting.popleft()
            yield PlateScore(crop, "", 0.0, None, str(error))


def _score(crop: LabelledCrop, outcome: Reading | ImageError) -> PlateScore:
    if isinstance(outcome, ImageError):
        return PlateScore(crop, "", 0.0, None, str(outcome))
    return PlateScore(crop, outcome.plate, outcome.confidence, outcome.seconds)


def labels_beyond(plate_format: PlateFormat, labelled: Sequence[LabelledCrop]) -> tuple[str, ...]:
    """A line for each label that a plate format cannot spell, or that its pattern rules out."""
    warnings = []
    for crop in labelled:
        try:
            plate_format.encode(crop.plate)
        except PlateFormatError as error:
            warnings.append(f"{crop.path}: {error}")
        else:
            if not plate_format.follows_pattern(crop.plate):
                warnings.append(f"{crop.path}: plate '{crop.plate}' does not follow the pattern of '{plate_format.name}'")
    return tuple(warnings)
