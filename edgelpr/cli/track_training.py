"""``edgelpr train`` for IQ-STAN, where a recipe or ``--architecture`` names it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from edgelpr.cli.crops_only import refuse_crops_only
from edgelpr.cli.output import note, print_json_line

if TYPE_CHECKING:
    from edgelpr.cli.real_sets import RealOptions
    from edgelpr.data.rendering.samples import Renderer
    from edgelpr.training.progress import Schedule
    from edgelpr.training.tracks.config import TrackConfig
    from edgelpr.training.tracks.progress import TrackProgress


def run_track_training(
    config: TrackConfig,
    renderer: Renderer,
    output: Path,
    labelled: RealOptions,
    schedule: Schedule,
    start_from: Path | None,
    crops_only: Mapping[str, object],
    as_json: bool,
) -> Path:
    """Train and report; of several processes only the first one reports.

    Args:
        config: of the run.
        renderer: of single plates.
        output: folder of the run.
        labelled: real crops to make tracks from.
        schedule: of the run.
        start_from: a checkpoint of IQ-STAN.
        crops_only: values by name of more options that only networks for single crops have.
        as_json: whether a machine reads along.

    Returns:
        The checkpoint with the averaged weights.

    Raises:
        UsageError: an option was given that only networks for single crops have.
    """
    from edgelpr.data.rendering.tracks.tracks import TrackRenderer
    from edgelpr.models.iq_stan_features import FRAME_HEIGHT, FRAME_WIDTH
    from edgelpr.preprocessing.crop import Preprocessing
    from edgelpr.training.distributed import this_process
    from edgelpr.training.tracks.running import train_tracks

    refuse_crops_only(crops_only)
    refuse_crops_only(
        {"--validate": labelled.validate, "--pool-folder": schedule.pool_folder, "--tensorboard": schedule.tensorboard}
    )
    sets = labelled.sets(renderer.plate_format)
    if this_process().leads:
        for real in sets:
            note(f"{real.name}: {len(real.crops)} real crops")
        note(f"Training iq-stan for '{renderer.plate_format.name}': {config.steps} steps of {config.batch} tracks in {output}")
    tracks = TrackRenderer(renderer, Preprocessing(FRAME_HEIGHT, FRAME_WIDTH))
    report = _report_json if as_json else _report
    return train_tracks(config, tracks, output, real=sets, start_from=start_from, schedule=schedule, report=report, say=note)


def _report(progress: TrackProgress) -> None:
    outcome, held_out = progress.outcome, progress.held_out
    hours, minutes = divmod(int(progress.seconds_left) // 60, 60)
    right = f"plates right {100 * outcome.plates_right:.0f} %"
    if held_out is not None:
        right += f", of held-out tracks {100 * held_out.plate_accuracy:.1f} %"
    note(
        f"step {progress.step}/{progress.steps}  loss {outcome.loss:.3f} (recognition {outcome.recognition:.3f}, quality "
        f"{outcome.quality:.3f})  {right}  {progress.tracks_per_second:.0f} tracks/s  {hours} h {minutes:02d} min to go"
    )


def _report_json(progress: TrackProgress) -> None:
    print_json_line(progress.to_dict())
