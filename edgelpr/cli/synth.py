"""``edgelpr synth``: render labelled plates."""

from __future__ import annotations

import time
from pathlib import Path

import click

from edgelpr.cli.options import glyph_options, plate_format_option
from edgelpr.cli.output import json_option, next_command, note, print_json
from edgelpr.cli.progress import ProgressBar


@click.command("synth")
@click.option("-o", "--output", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder to fill.")
@plate_format_option(default="cn", help_text="Built-in plate format, or your own YAML file.")
@click.option("--count", type=click.IntRange(min=1), default=1000, show_default=True, help="Number of plates.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Decides every plate.")
@glyph_options
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes that render.")
@json_option
def command(
    output: Path,
    plate_format: str,
    count: int,
    seed: int,
    glyphs: tuple[Path, ...],
    fonts: tuple[Path, ...],
    font_share: float,
    workers: int,
    as_json: bool,
) -> None:
    """Render plates with perspective, light, blur, noise and compression.

    Writes images/*.png and labels.csv with the text, the type and a box a character. The same seed gives the same
    plates. A run that was cut short goes on when started again.

    \b
      edgelpr synth -o plates --count 5000 --workers 2
      edgelpr synth -o mine --plate-format my-country.yaml --font MyPlateFont.ttf
    """
    from edgelpr.data.rendering.sources import GlyphSources
    from edgelpr.data.rendering.writing import SynthesisJob, write_plates
    from edgelpr.plates.loading import load_plate_format

    job = SynthesisJob(load_plate_format(plate_format), GlyphSources(glyphs, fonts, font_share), count, seed)
    began = time.perf_counter()
    with ProgressBar(count, "Rendering") as bar:
        labels = write_plates(job, output, workers, bar.reach)
    speed = count / (time.perf_counter() - began)
    if as_json:
        print_json({"labels": str(labels), "plates": count, "seed": seed})
    else:
        click.echo(f"{count} plates in {labels.parent} ({speed:.0f} plates/s)")
    note("Glyphs: " + (", ".join(str(path) for path in (*glyphs, *fonts)) or "the letters in the package"))
    next_command(f"edgelpr eval BUNDLE {labels}")
