"""Accuracy of the very networks that were timed, measured after their timing, in the same start or in a later one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from edgelpr.benchmarks.bench.reader import Reader
from edgelpr.benchmarks.bench.run import Accuracy, Run
from edgelpr.benchmarks.paper_table.plates import Plates
from edgelpr.benchmarks.paper_table.subject import Subject, Wanted
from edgelpr.data.labelled import LabelledCrop
from edgelpr.data.labelled_tracks import LabelledTrack
from edgelpr.errors import BackendError, ImageError
from edgelpr.training.scores import PlateScore


def with_accuracy(
    subject: Subject, runs: Sequence[Run], wanted: Wanted, opened: Callable[[], Reader]
) -> tuple[tuple[Run, ...], str | None]:
    """Runs of one network with what is known of its accuracy: kept from an earlier start, or measured now.

    Args:
        subject: what was timed.
        runs: its runs, of this start and of earlier ones.
        wanted: with the plates, where any are to be read, and the earlier start.
        opened: gives the reader that was timed, or opens it.

    Returns:
        The runs, and why nothing was measured where it might be expected; None where there is nothing to say.

    Raises:
        EdgelprError: the network cannot be opened, or the engine fails in fp32.
    """
    kept, plates = tuple(_kept(run, wanted.earlier.runs) for run in runs), wanted.plates
    if plates is None or subject.spells is None or not any(plates.missing(run) for run in kept):
        return kept, None
    name, frames = f"{subject.model.name}, {subject.backend}, {subject.precision}", subject.model.frames
    if not plates.fit(subject.spells):
        count, format_name = plates.beyond(subject.spells), subject.spells.name
        return kept, (
            f"no accuracy on {plates.name} of networks that read plates of '{format_name}': it cannot spell {count} of the "
            f"{len(plates.crops)} labels"
        )
    reader = opened()
    timed = replace(subject.model, engine_sha256=reader.engine_sha256)
    mine = [plates.missing(run) and _same_file(run, timed.graph_sha256, timed.engine_sha256) for run in kept]
    if not any(mine):
        return kept, (
            f"{name}: no accuracy, since the graph or engine that was made now is not the one that was timed; --fresh times "
            "and reads it anew"
        )
    found = measure_accuracy(reader, plates, frames)
    return tuple(replace(run, accuracy=found) if now else run for run, now in zip(kept, mine)), None


def measure_accuracy(reader: Reader, plates: Plates, frames: int) -> Accuracy:
    """Read every plate as the timing did, decoded pictures to text; a picture that cannot be used counts as wrong.

    So does one on which an engine of fewer bits fails, as where fp16 overflows.

    Args:
        reader: of the network.
        plates: what it reads.
        frames: of one plate: 1, or those of a track.

    Raises:
        BackendError: the engine fails in fp32.
    """
    labelled = plates.of(frames)
    right = sum(_score(reader, crop).correct for crop in labelled)
    return Accuracy(len(labelled), right, plates.sha256(frames), plates.name_of(frames), from_card=False)


def _score(reader: Reader, crop: LabelledCrop) -> PlateScore:
    try:
        picture = crop.load_frames() if isinstance(crop, LabelledTrack) else crop.load()
        return PlateScore(crop, reader.read([picture])[0], 0.0, None)
    except ImageError as error:
        return PlateScore(crop, "", 0.0, None, str(error))
    except BackendError as error:
        if reader.precision == "fp32":
            raise
        return PlateScore(crop, "", 0.0, None, str(error))


def _kept(run: Run, earlier: Sequence[Run]) -> Run:
    """With the accuracy that an earlier start measured of this very graph; timing anew does not change it."""
    if run.accuracy is not None and run.accuracy.surely_measured:
        return run
    same = (each.accuracy for each in earlier if _reads_as(each, run))
    return replace(run, accuracy=next((each for each in same if each is not None and each.surely_measured), run.accuracy))


def _reads_as(one: Run, other: Run) -> bool:
    """Whether they are of one graph, by one engine of one version."""
    mine = (one.model.name, one.model.weights_sha256, one.backend, one.precision, one.runtime)
    theirs = (other.model.name, other.model.weights_sha256, other.backend, other.precision, other.runtime)
    return mine == theirs and _same_file(one, other.model.graph_sha256, other.model.engine_sha256)


def _same_file(run: Run, graph: str | None, engine: str | None) -> bool:
    return (run.model.graph_sha256, run.model.engine_sha256) == (graph, engine)
