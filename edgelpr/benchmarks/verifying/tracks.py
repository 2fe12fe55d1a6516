"""Reading labelled tracks, and tracks to take the time with."""

from __future__ import annotations

from collections.abc import Sequence

from edgelpr.benchmarks.verifying.speed import CROPS
from edgelpr.calibration.sampling import spread_indices
from edgelpr.data.labelled import LabelledCrop
from edgelpr.data.labelled_tracks import LabelledTrack, tracks_sha256
from edgelpr.errors import BackendError, DataError, ImageError, UsageError
from edgelpr.plates.format import PlateFormat
from edgelpr.preprocessing.images import Image
from edgelpr.runtime.tracks.recognizer import TrackRecognizer
from edgelpr.training.evaluation import labels_beyond
from edgelpr.training.scores import Evaluation, PlateScore, Progress


def evaluate_tracks(
    recognizer: TrackRecognizer,
    labelled: Sequence[LabelledTrack],
    progress: Progress,
    plate_format: PlateFormat,
    rectify: bool,
    patient: bool,
) -> Evaluation:
    """Read every track and compare.

    Args:
        recognizer: reads them.
        labelled: at least one.
        progress: called after each track.
        plate_format: what the recogniser can spell, to warn of labels beyond it.
        rectify: straighten crops by their corners before tracks are made of them.
        patient: whether a track on which the engine fails counts as one not read, as where fp16 overflows.

    Raises:
        DataError: there is no track.
        BackendError: the engine failed, unless ``patient``.
    """
    if not labelled:
        raise DataError("no tracks to evaluate; expected at least one labelled track")
    scores: list[PlateScore] = []
    for track in labelled:
        scores.append(_score(recognizer, track, rectify, patient))
        progress(len(scores), len(labelled))
    return Evaluation(
        scores=tuple(scores),
        precision=recognizer.precision,
        backend=recognizer.backend,
        data_sha256=tracks_sha256(labelled),
        warnings=labels_beyond(plate_format, labelled),
    )


def tracks_of(labelled: Sequence[LabelledCrop]) -> list[LabelledTrack]:
    """Labelled plates as the tracks that they are.

    Raises:
        UsageError: there is a single crop among them.
    """
    tracks = [track for track in labelled if isinstance(track, LabelledTrack)]
    if len(tracks) < len(labelled):
        raise UsageError("single crops were given for a bundle that reads tracks; read them with read_labelled_tracks")
    return tracks


def frames_to_time(labelled: Sequence[LabelledTrack], rectify: bool) -> list[list[Image]]:
    """Frames of up to 32 of the tracks, spread evenly; none of those that cannot be read."""
    found = []
    for index in spread_indices(len(labelled), CROPS):
        try:
            found.append(labelled[index].load_frames(rectify))
        except ImageError:
            continue
    return found


def pictures_of(labelled: Sequence[LabelledCrop]) -> list[LabelledCrop]:
    """Every labelled picture: crops themselves, and all frames of tracks."""
    return [picture for each in labelled for picture in (each.pictures if isinstance(each, LabelledTrack) else (each,))]


def _score(recognizer: TrackRecognizer, track: LabelledTrack, rectify: bool, patient: bool) -> PlateScore:
    try:
        reading = recognizer.read(track.load_frames(rectify))
    except ImageError as error:
        return PlateScore(track, "", 0.0, None, str(error))
    except BackendError as error:
        if not patient:
            raise
        return PlateScore(track, "", 0.0, None, str(error))
    return PlateScore(track, reading.plate, reading.confidence, reading.seconds)
