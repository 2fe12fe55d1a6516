"""``edgelpr train``: train a network on rendered plates, and on real ones where there are any."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgelpr.cli.options import glyph_options, plate_format_option
from edgelpr.cli.output import json_option, next_command, note, print_json_line
from edgelpr.cli.real_sets import RealOptions, real_options
from edgelpr.cli.several_processes import ending_together
from edgelpr.cli.training_options import checkpoint_options, setting_options, work_options

if TYPE_CHECKING:
    from edgelpr.data.rendering.samples import Renderer
    from edgelpr.training.config import TrainingConfig
    from edgelpr.training.progress import Progress, Schedule
    from edgelpr.training.real import RealSet
    from edgelpr.training.tracks.config import TrackConfig
    from edgelpr.training.validating import Validation


@click.command("train")
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder of the run; a run that lies there goes on.",
)
@click.option(
    "--recipe",
    type=click.Path(dir_okay=False, path_type=Path),
    help="YAML file with settings; options given here win.",
)
@plate_format_option(default="cn", help_text="Built-in plate format, or your own YAML file.")
@glyph_options
@real_options
@checkpoint_options
@setting_options
@work_options
@click.option("--threads", type=click.IntRange(min=1), help="Processor threads of the network.  [default: all]")
@json_option
def command(
    output: Path,
    recipe: Path | None,
    plate_format: str,
    glyphs: tuple[Path, ...],
    fonts: tuple[Path, ...],
    font_share: float,
    start_from: Path | None,
    backbone_weights: Path | None,
    teacher: Path | None,
    threads: int | None,
    as_json: bool,
    **others: Any,
) -> None:
    """Train a plate reader.

    Plates are rendered while training, so nothing has to be stored. Interrupt it when you like: started again with the
    same options, it goes on from the last saved state. A finished run holds the weights, a log and a card.

    \b
      edgelpr train -o runs/mine --plate-format cn --steps 10000 --half --pool 200000
      edgelpr train -o runs/tuned --start-from hpa-nano-cn --real labels.csv --real-share 0.5
      edgelpr train -o runs/small --teacher runs/large/checkpoint.safetensors --distillation-weight 1
      edgelpr train -o runs/tracks --recipe weights/recipes/iq-stan-cn.yaml   (five frames of a plate)
      torchrun --nproc-per-node 2 -m edgelpr train -o runs/mine --device cuda   (one process a GPU)
    """
    from edgelpr.data.rendering.sources import GlyphSources
    from edgelpr.errors import require
    from edgelpr.plates.loading import load_plate_format

    schedule, labelled, config = _sorted_out(recipe, others)
    torch = require("torch", "train", "training")
    renderer = GlyphSources(glyphs, fonts, font_share).renderer(load_plate_format(plate_format))

    from edgelpr.cli.track_training import run_track_training
    from edgelpr.training.config import TrainingConfig
    from edgelpr.training.distributed import this_process

    if threads is not None:
        torch.set_num_threads(threads)
    start = _found(start_from)
    with ending_together():
        if isinstance(config, TrainingConfig):
            learned = (start, backbone_weights, _found(teacher))
            checkpoint = _train_on_crops(config, renderer, output, labelled, schedule, *learned, recipe, as_json)
        else:
            crops_only = {"--teacher": teacher, "--backbone-weights": backbone_weights}
            checkpoint = run_track_training(config, renderer, output, labelled, schedule, start, crops_only, as_json)
    if this_process().leads:
        _finish(checkpoint, output, as_json)


def _train_on_crops(
    config: TrainingConfig,
    renderer: Renderer,
    output: Path,
    labelled: RealOptions,
    schedule: Schedule,
    start_from: Path | None,
    backbone_weights: Path | None,
    teacher: Path | None,
    recipe: Path | None,
    as_json: bool,
) -> Path:
    from edgelpr.training.distributed import join
    from edgelpr.training.initialising import first_checkpoint
    from edgelpr.training.leading import led
    from edgelpr.training.loop import train

    group = join(schedule.device)
    sets, validation = labelled.sets(renderer.plate_format), labelled.validation(renderer.plate_format)
    if group.leads:
        _announce(sets, validation)
        what = f"{config.architecture} for '{renderer.plate_format.name}'"
        note(f"Training {what}: {config.steps} steps of {config.batch} crops in {output}")
    first = partial(first_checkpoint, start_from, backbone_weights, config, renderer.plate_format, output)
    return train(
        config,
        renderer,
        output,
        real=sets,
        start_from=led(group, first),
        teacher=teacher,
        validation=validation,
        recipe=recipe,
        schedule=schedule,
        report=_report_json if as_json else _report,
        say=note,
    )


def _sorted_out(recipe: Path | None, others: dict[str, Any]) -> tuple[Schedule, RealOptions, TrainingConfig | TrackConfig]:
    """How the work is done, what is labelled, and the settings of the run, which are all the rest."""
    from dataclasses import fields

    from edgelpr.training.progress import Schedule
    from edgelpr.training.recipes import config_for

    schedule = Schedule(**{field.name: others.pop(field.name) for field in fields(Schedule) if field.name in others})
    labelled = RealOptions(**{field.name: others.pop(field.name) for field in fields(RealOptions)})
    return schedule, labelled, config_for(recipe, others)


def _found(checkpoint: Path | None) -> Path | None:
    """The file that a path or a name of weights means."""
    from edgelpr.models.weights import resolve_checkpoint

    return None if checkpoint is None else resolve_checkpoint(checkpoint)


def _announce(sets: Sequence[RealSet], validation: Validation | None) -> None:
    for real in sets:
        note(f"{real.name}: {len(real.crops)} real crops")
    if validation is not None:
        unreadable = f", {validation.unreadable} of them unreadable and counted as wrong" if validation.unreadable else ""
        note(f"{validation.name}: {validation.plates} plates to validate with{unreadable}")


def _finish(checkpoint: Path, output: Path, as_json: bool) -> None:
    if as_json:
        print_json_line({"checkpoint": str(checkpoint)})
    else:
        click.echo(f"Weights in {checkpoint}")
    next_command(f"edgelpr export {checkpoint} -o {output.name}.elpr")


def _report(progress: Progress) -> None:
    minutes, seconds = divmod(int(progress.seconds_left), 60)
    outcome = progress.outcome
    parts = {"sequence": outcome.sequence, "semantic": outcome.semantic, "position": outcome.position}
    if outcome.distillation:
        parts["distillation"] = outcome.distillation
    listed = ", ".join(f"{name} {loss:.3f}" for name, loss in parts.items())
    stage = "" if progress.stage == "SPC" else f"  stage {'+'.join(progress.stage)}"
    right = f"plates right {100 * outcome.plate_accuracy:.0f} %"
    if progress.validation_accuracy is not None:
        right += f", in the validation {100 * progress.validation_accuracy:.1f} %"
    note(
        f"step {progress.step}/{progress.steps}{stage}  loss {outcome.loss:.3f} ({listed})  {right}  "
        f"{progress.plates_per_second:.0f} plates/s  {minutes}:{seconds:02d} to go"
    )


def _report_json(progress: Progress) -> None:
    print_json_line(progress.to_dict())
