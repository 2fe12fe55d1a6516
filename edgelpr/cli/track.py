"""``edgelpr track``: one plate from several frames."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgelpr.cli.options import (
    allow_unapproved_option,
    backend_choice_option,
    bundle_argument,
    engine_use_options,
    precision_option,
    threads_option,
)
from edgelpr.cli.output import json_option, next_command, note, pad, print_json_line
from edgelpr.types import BackendChoice, Precision

if TYPE_CHECKING:
    from edgelpr.cli.tracks import WantedTrack
    from edgelpr.runtime.executing.use import EngineUse
    from edgelpr.runtime.tracks.reading import TrackReading
    from edgelpr.runtime.tracks.recognizer import TrackRecognizer
    from edgelpr.runtime.tracks.track import PlateTrack

_PLATE_COLUMNS = 12
_MOST_NAMED = 8
_MOST_MIXED = 3
_EVEN = 0.5


@dataclass
class _Outcome:
    wanted: WantedTrack
    track: PlateTrack
    reading: TrackReading | None = None
    errors: dict[Path, str] = field(default_factory=dict)
    """Of frames that could not be read."""

    @property
    def mixed(self) -> bool:
        """Whether it is likelier than not that the frames are of different plates."""
        return self.reading is not None and self.reading.same_plate is not None and self.reading.same_plate < _EVEN


@click.command("track")
@bundle_argument
@click.argument("frames", nargs=-1, required=True, metavar="FRAMES...")
@click.option(
    "--save", "folder", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
    help="Draw each track into this folder: frames, quality, temporal attention, and where each character was looked for.",
)  # fmt: skip
@backend_choice_option
@engine_use_options
@precision_option
@allow_unapproved_option
@threads_option
@json_option
def command(
    bundle: Path,
    frames: tuple[str, ...],
    folder: Path | None,
    backend: BackendChoice,
    use: EngineUse,
    precision: Precision,
    allow_unapproved: bool,
    threads: int | None,
    as_json: bool,
) -> None:
    """Read one plate from several FRAMES of it with a BUNDLE that was exported from iq-stan.

    FRAMES are crops of the same plate in the order of time: named one by one, they are one track; a folder is a track, or holds
    a folder for each; a CSV with the columns track,image holds many, a line a frame. Frames may differ in size, and grey and
    colour may be mixed. The network takes five at a time: of more the best by quality are read, fewer are fine.

    Frames that cannot be read, and folders without any, are reported and the others read; the exit code is then 1.

    \b
      edgelpr track tracks.elpr front-1.jpg front-2.jpg front-3.jpg
      edgelpr track tracks.elpr gate/            a folder a track
      edgelpr track tracks.elpr tracks.csv --json
      edgelpr track tracks.elpr gate/ --backend auto --precision int8
    """
    from edgelpr.cli.opening import open_with_progress
    from edgelpr.cli.tracks import wanted_tracks
    from edgelpr.runtime.tracks.recognizer import TrackRecognizer

    wanted = wanted_tracks(frames)
    options = (backend, precision, threads, allow_unapproved)
    with open_with_progress(partial(TrackRecognizer.open, bundle, *options), use) as recognizer:
        note(f"Reading with {recognizer.description}, {recognizer.precision}")
        failed = _read_all(recognizer, wanted, folder, as_json)
    if folder is not None:
        note(f"Drawings are in {folder}")
    if failed:
        click.get_current_context().exit(1)
    if folder is None:
        some = shlex.join(frames) if len(frames) <= _MOST_NAMED else "FRAMES..."
        next_command(f"{shlex.join(['edgelpr', 'track', str(bundle)])} {some} --save drawings")
    else:
        next_command(shlex.join(["edgelpr", "inspect", str(bundle)]))


def _read_all(recognizer: TrackRecognizer, wanted: Sequence[WantedTrack], folder: Path | None, as_json: bool) -> int:
    """Read and print everything; returns how many frames, folders and patterns failed."""
    from edgelpr.cli.progress import ProgressBar
    from edgelpr.cli.track_saving import TrackDrawings

    drawings = None if folder is None else TrackDrawings(folder, wanted)
    failed = empty = crowded = 0
    mixed: list[str] = []
    if not as_json:
        click.echo(f"{'plate':<{_PLATE_COLUMNS}}  confidence  frames   track")
    with ProgressBar(len(wanted), "Reading", wanted=not sys.stdout.isatty()) as bar:
        for done, item in enumerate(wanted, start=1):
            outcome = _read(recognizer, item)
            failed += len(outcome.errors)
            empty += item.problem is not None
            crowded += len(outcome.track) > recognizer.frames
            mixed += [item.name] if outcome.mixed else []
            for error in _errors(outcome):
                bar.note(f"Error: {error}")
            if as_json:
                print_json_line(_as_dict(outcome, recognizer))
            else:
                click.echo(_table_line(outcome))
            if drawings is not None and outcome.reading is not None:
                drawings.save(item, outcome.track)
            bar.reach(done)
    if drawings is not None and drawings.limits:
        note(drawings.limits)
    if crowded:
        which = "best" if recognizer.gives_quality else "newest"
        note(
            f"Of tracks with more than {recognizer.frames} frames the {which} {recognizer.frames} were read ({crowded} of them)"
        )
    if mixed:
        note(_about_mixed(mixed))
    if failed:
        note(f"{failed} frame{'s' if failed > 1 else ''} could not be read")
    return failed + empty


def _errors(outcome: _Outcome) -> list[str]:
    problem = outcome.wanted.problem
    return [*outcome.errors.values(), *([] if problem is None else [f"{outcome.wanted.name}: {problem}"])]


def _about_mixed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_MIXED} more" if len(names) > _MOST_MIXED else ""
    one = len(names) == 1
    which = f"{'1 track seems' if one else f'{len(names)} tracks seem'} to have frames of different plates"
    low = f"{'its' if one else 'their'} confidence is low, and --json gives same_plate"
    return f"{which} ({', '.join(names[:_MOST_MIXED])}{more}): {low}"


def _read(recognizer: TrackRecognizer, wanted: WantedTrack) -> _Outcome:
    from edgelpr.errors import ImageError

    outcome = _Outcome(wanted, recognizer.track())
    for path in wanted.frames:
        try:
            outcome.track.add(path)
        except ImageError as error:
            outcome.errors[path] = str(error)
    if len(outcome.track):
        outcome.reading = outcome.track.reading()
    return outcome


def _table_line(outcome: _Outcome) -> str:
    reading = outcome.reading
    count = 0 if reading is None else len(reading.frames)
    frames = f"{count} of {len(outcome.wanted.frames)}"
    if reading is None:
        return f"{'(no frame)':<{_PLATE_COLUMNS}}  {'-':>10}  {frames:<7}  {outcome.wanted.name}"
    plate = reading.plate or "(nothing)"
    return f"{pad(plate, _PLATE_COLUMNS)}  {reading.confidence:10.4f}  {frames:<7}  {outcome.wanted.name}"


def _as_dict(outcome: _Outcome, recognizer: TrackRecognizer) -> dict[str, Any]:
    failed = [{"file": str(path), "error": error} for path, error in outcome.errors.items()]
    reading = outcome.reading
    if reading is None:
        error = outcome.wanted.problem or "none of its frames could be read"
        return {"track": outcome.wanted.name, "error": error, "frames": failed}
    read = [
        {"file": frame.name, "quality": None if frame.quality is None else round(frame.quality, 6)} for frame in reading.frames
    ]
    characters = [{"text": character.text, "confidence": round(character.confidence, 6)} for character in reading.characters]
    return {
        "track": outcome.wanted.name,
        "plate": reading.plate,
        "confidence": round(reading.confidence, 6),
        "same_plate": None if reading.same_plate is None else round(reading.same_plate, 6),
        "characters": characters,
        "frames": read + failed,
        "backend": recognizer.backend,
        "precision": recognizer.precision,
    }
