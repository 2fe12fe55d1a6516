"""How `edgelpr eval` reads labelled plates: crops, or tracks with a bundle that reads tracks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from edgelpr.types import BackendChoice, Precision

if TYPE_CHECKING:
    from edgelpr.bundle.bundle import Bundle
    from edgelpr.data.labelled import LabelledCrop
    from edgelpr.runtime.executing.use import EngineUse
    from edgelpr.runtime.recognizer import Recognizer
    from edgelpr.runtime.tracks.recognizer import TrackRecognizer
    from edgelpr.training.scores import Evaluation


@dataclass(frozen=True)
class Reader:
    """What reads, as the options say it."""

    backend: BackendChoice
    """Inference engine."""

    precision: Precision
    """Arithmetic of the graph."""

    threads: int | None
    """Of the CPU; None lets the backend choose."""

    batch_size: int
    """Crops read at a time; tracks are read one by one."""

    rectify: bool
    """Straighten crops by their corners where the labels give them."""

    use: EngineUse
    """Of TensorRT."""


def evaluate_bundle(opened: Bundle, labelled: Sequence[LabelledCrop], reader: Reader) -> Evaluation:
    """Read all plates, with progress; says with what, and whether the precision is approved.

    Args:
        opened: the bundle.
        labelled: as ``read_plates`` gives them for it.
        reader: what reads.

    Raises:
        DataError: there is no plate.
        EdgelprError: the bundle or its engine cannot be used.
    """
    from edgelpr.cli.opening import open_with_progress
    from edgelpr.cli.output import note
    from edgelpr.runtime.approving import objection

    with open_with_progress(_opening(opened, reader), reader.use) as recognizer:
        note(f"Evaluating with {recognizer.description}, {recognizer.precision}")
        computing = (recognizer.backend, recognizer.device, recognizer.engine_sha256)
        if reason := objection(opened, reader.precision, *computing, use=reader.use):
            note(f"Not approved: {reason}")
        return _read_all(opened, recognizer, labelled, reader.rectify)


def how_tracks_are(labelled: Sequence[LabelledCrop]) -> dict[str, Any]:
    """For the manifest: whether tracks were filmed or made, and how; empty for single crops."""
    from edgelpr.data.labelled_tracks import LabelledTrack

    first = labelled[0]
    if not isinstance(first, LabelledTrack):
        return {}
    made = first.making
    return {"tracks": first.origin} | ({} if made is None else {"hardness": made.hardness, "seed": made.seed})


def _opening(opened: Bundle, reader: Reader) -> Callable[..., Recognizer | TrackRecognizer]:
    from edgelpr.runtime.recognizer import Recognizer
    from edgelpr.runtime.tracks.recognizer import TrackRecognizer

    opening: Callable[..., Recognizer | TrackRecognizer] = TrackRecognizer.open
    if opened.manifest.frames is None:
        opening = partial(Recognizer.open, batch_size=reader.batch_size)
    # Measuring is what shows whether a precision may be approved.
    return partial(opening, opened, reader.backend, reader.precision, reader.threads, allow_unapproved=True)


def _read_all(
    opened: Bundle, recognizer: Recognizer | TrackRecognizer, labelled: Sequence[LabelledCrop], rectify: bool
) -> Evaluation:
    from edgelpr.benchmarks.verifying.tracks import evaluate_tracks, tracks_of
    from edgelpr.cli.progress import ProgressBar
    from edgelpr.runtime.tracks.recognizer import TrackRecognizer
    from edgelpr.training.evaluation import evaluate

    plate_format = opened.manifest.plate_format
    with ProgressBar(len(labelled), "Evaluating") as bar:
        if isinstance(recognizer, TrackRecognizer):
            tracks = tracks_of(labelled)
            return evaluate_tracks(recognizer, tracks, bar.reach, plate_format, rectify, patient=False)
        return evaluate(recognizer, labelled, bar.reach, plate_format, rectify)
