"""``edgelpr train``: train a network on rendered plates, and on real ones where there are any."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click

from edgelpr.cli.options import glyph_options, label_format_option, plate_format_option
from edgelpr.cli.output import json_option, next_command, note, print_json_line
from edgelpr.types import Classifier, LabelFormat

if TYPE_CHECKING:
    from edgelpr.data.labelled import LabelledCrop
    from edgelpr.preprocessing.images import Image
    from edgelpr.training.progress import Progress

_F = TypeVar("_F", bound=Callable[..., Any])


def _setting(name: str, kind: click.Choice[str] | type, text: str) -> Callable[[_F], _F]:
    """An option that leaves the recipe's value, or the default, when it is not given."""
    return click.option(name, type=kind, default=None, help=text)


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
@click.option("--real", type=click.Path(path_type=Path), multiple=True, help="Labelled real crops to mix in; may be repeated.")
@label_format_option
@click.option(
    "--split", metavar="NAME", help="Part of the real crops; all for every crop.  [default: train, where labels name parts]"
)
@click.option(
    "--start-from",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Checkpoint to start from instead of fresh weights.",
)
@_setting("--architecture", str, "Network, see `edgelpr models`.  [default: hpa-nano]")
@_setting("--classifier", click.Choice(get_args(Classifier)), "Table 4 of the HPA paper.  [default: shared]")
@_setting("--steps", int, "Optimiser steps.  [default: 10000]")
@_setting("--batch", int, "Crops a step.  [default: 96]")
@_setting("--optimizer", click.Choice(("adamw", "rmsprop")), "rmsprop with 2e-5 is the paper's.  [default: adamw]")
@_setting("--learning-rate", float, "Highest learning rate.  [default: 0.002]")
@_setting("--warmup", int, "Steps of warm-up.  [default: 300]")
@_setting("--semantic-weight", float, "Weight of the semantic loss, 0 to leave it out.  [default: 1]")
@_setting("--position-weight", float, "Weight of the position loss, 0 to leave it out.  [default: 1]")
@_setting("--real-share", float, "Share of real crops, 0 to 1.  [default: 0]")
@click.option("--half/--full", default=None, help="bfloat16 or float32 arithmetic.  [default: full]")
@_setting("--seed", int, "Decides weights and samples.  [default: 0]")
@click.option("--workers", type=click.IntRange(min=0), default=1, show_default=True, help="Processes that prepare crops.")
@click.option("--threads", type=click.IntRange(min=1), help="Processor threads of the network.  [default: all]")
@click.option("--device", type=click.Choice(("cpu", "cuda")), default="cpu", show_default=True)
@click.option("--save-every", type=click.IntRange(min=1), default=250, show_default=True, help="Steps between saved states.")
@json_option
def command(
    output: Path,
    recipe: Path | None,
    plate_format: str,
    glyphs: tuple[Path, ...],
    fonts: tuple[Path, ...],
    font_share: float,
    real: tuple[Path, ...],
    label_format: LabelFormat,
    split: str | None,
    start_from: Path | None,
    workers: int,
    threads: int | None,
    device: str,
    save_every: int,
    as_json: bool,
    **settings: Any,
) -> None:
    """Train a plate reader.

    Plates are rendered while training, so nothing has to be stored. Interrupt it when you like: started again with the
    same options, it goes on from the last saved state.

    \b
      edgelpr train -o runs/mine --plate-format cn --steps 10000 --half
      edgelpr train -o runs/tuned --start-from runs/mine/checkpoint.safetensors --real labels.csv --real-share 0.5
    """
    from edgelpr.data.rendering.sources import GlyphSources
    from edgelpr.errors import require
    from edgelpr.plates.loading import load_plate_format
    from edgelpr.training.recipes import make_config

    config = make_config(recipe, settings)
    torch = require("torch", "train", "training")
    renderer = GlyphSources(glyphs, fonts, font_share).renderer(load_plate_format(plate_format))
    crops = _real_crops(real, label_format, split)

    from edgelpr.training.loop import train
    from edgelpr.training.progress import Schedule

    if threads is not None:
        torch.set_num_threads(threads)
    what = f"{config.architecture} for '{renderer.plate_format.name}'"
    note(f"Training {what}: {config.steps} steps of {config.batch} crops in {output}")
    schedule = Schedule(save_every=save_every, workers=workers, device=device)
    checkpoint = train(
        config,
        renderer,
        output,
        real=crops,
        start_from=start_from,
        schedule=schedule,
        report=_report_json if as_json else _report,
    )
    if as_json:
        print_json_line({"checkpoint": str(checkpoint)})
    else:
        click.echo(f"Weights in {checkpoint}")
    next_command(f"edgelpr export {checkpoint} -o {output.name}.elpr")


def _real_crops(sources: tuple[Path, ...], label_format: LabelFormat, split: str | None) -> list[tuple[Image, str]]:
    from edgelpr.data.labels import keep_split, read_labels

    crops = []
    for source in sources:
        labelled: Sequence[LabelledCrop] = read_labels(source, label_format)
        # Never the test part unasked: a figure measured on it later would mean nothing.
        part = split or ("train" if any(item.split for item in labelled) else "all")
        if part != "all":
            labelled = keep_split(labelled, part, source)
        note(f"{source}: {len(labelled)} real crops")
        crops += [(item.load(), item.plate) for item in labelled]
    return crops


def _report(progress: Progress) -> None:
    minutes, seconds = divmod(int(progress.seconds_left), 60)
    note(
        f"step {progress.step}/{progress.steps}  loss {progress.loss:.3f} (sequence {progress.sequence:.3f}, semantic "
        f"{progress.semantic:.3f}, position {progress.position:.3f})  plates right {100 * progress.plate_accuracy:.0f} %  "
        f"{progress.plates_per_second:.0f} plates/s  {minutes}:{seconds:02d} to go"
    )


def _report_json(progress: Progress) -> None:
    from dataclasses import asdict

    print_json_line(asdict(progress))
