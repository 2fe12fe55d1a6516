"""IQ-STAN on five frames of a plate, against single frames read apart and fused.

    python benchmarks/tracks.py --network iq-stan-cn --glyphs GLYPHS --data DATA     everything, about an hour on two cores
    python benchmarks/tracks.py ... --single FILE --ablation baseline=FILE           other networks beside it
    python benchmarks/tracks.py ... --only frames                                    one part, into the same result
    python benchmarks/tracks.py --markdown RESULT [--table readers]                  its tables
    python benchmarks/tracks.py --into PAGE                                          the tables between the marks of a page
    python benchmarks/tracks.py --charts FOLDER --markdown RESULT                    its charts as SVG

The frozen set is 5,000 rendered tracks of five frames that no run trains on; its seed, the version of the generator, a hash
of the glyphs and one of all pixels are in the result, and are checked when it is measured again. Every network gets its own
preprocessing of the captures as the camera took them. What was read is kept in --work, so a run that was stopped goes on, and
another network costs only its own time. Networks run in PyTorch, float32. How long and with which settings each was trained is
in the result, as far as its checkpoint, or the recipe that its card names, says so.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from edgelpr.benchmarks.fusion.bench import Bench
from edgelpr.benchmarks.fusion.charts import write_charts
from edgelpr.benchmarks.fusion.claims import claims
from edgelpr.benchmarks.fusion.frozen import FROZEN_SEED, FrozenTracks, check_unchanged
from edgelpr.benchmarks.fusion.joining import frozen_set, join_results
from edgelpr.benchmarks.fusion.keeping import Kept
from edgelpr.benchmarks.fusion.measuring import PARTS, Plan, measure
from edgelpr.benchmarks.fusion.networks import Named, check_together, load_named, load_tracks
from edgelpr.benchmarks.fusion.pages import read_tracks_result, tables_of, write_into
from edgelpr.benchmarks.fusion.real_tracks import RealTracks
from edgelpr.benchmarks.fusion.track_set import TrackSet
from edgelpr.benchmarks.results import result_name, start_result, write_result
from edgelpr.errors import EdgelprError, UsageError

HERE = Path(__file__).parent
SHIPPED = ("hpa-resnet18-cn", "hpa-nano-cn")
_FILE = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)
_GLYPHS = click.Path(file_okay=False, exists=True, path_type=Path)


@click.command()
@click.option("--network", default="iq-stan-cn", show_default=True, help="Name or checkpoint of IQ-STAN.")
@click.option("--single", "singles", multiple=True, help=f"One more network for single frames, beside {', '.join(SHIPPED)}.")
@click.option("--ablation", "ablations", multiple=True, metavar="NAME=FILE", help="IQ-STAN without some of its parts.")
@click.option("--glyphs", type=_GLYPHS, help="Glyph images.  [default: the letters in the package]")
@click.option("--data", type=_FOLDER, envvar="EDGELPR_DATA", show_envvar=True, help="Folder of the real sets.")
@click.option("--tracks", type=click.IntRange(min=1), default=5000, show_default=True, help="Rendered tracks.")
@click.option("--hardness", type=click.FloatRange(0, 1), default=0.7, show_default=True, help="Of the damage.")
@click.option("--seed", type=int, default=FROZEN_SEED, show_default=True, help="Of the rendered tracks.")
@click.option("--draws", type=click.IntRange(min=1), default=5, show_default=True, help="Tracks of each real crop.")
@click.option(
    "--mixed", type=click.IntRange(min=1), default=500, show_default=True, help="Tracks of each kind with mixed plates."
)
@click.option("--only", type=click.Choice(PARTS), multiple=True, help="Measure this and keep the other parts of the result.")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="Processor threads.")
@click.option("--work", type=_FOLDER, default=Path("runs/tracks"), show_default=True, help="Folder of what was read.")
@click.option("--output", type=_FILE, help="Where the JSON goes, instead of benchmarks/results.")
@click.option("--markdown", type=_FILE, metavar="RESULT", help="Only print the tables of this result.")
@click.option("--table", "tables", multiple=True, help="Of --markdown: only this one.")
@click.option("--into", type=_FILE, metavar="PAGE", help="Only write the tables between the marks of this page.")
@click.option("--charts", type=_FOLDER, help="Of --markdown: write the charts here instead.")
def main(markdown: Path | None, tables: tuple[str, ...], into: Path | None, charts: Path | None, **options: Any) -> None:
    """Measure and print; see the top of this file."""
    try:
        if into is not None:
            click.echo(f"{into}: {write_into(into)} marked parts are up to date")
        elif charts is not None:
            _charts(charts, markdown)
        elif markdown is not None:
            click.echo(tables_of(read_tracks_result(markdown), tables), nl=False)
        else:
            _run(options)
    except EdgelprError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)


def _charts(folder: Path, markdown: Path | None) -> None:
    if markdown is None:
        raise UsageError("--charts needs the result to draw: --markdown RESULT")
    for path in write_charts(folder, read_tracks_result(markdown)):
        click.echo(f"Written: {path}")


def _run(options: dict[str, Any]) -> None:
    import cv2
    import torch

    torch.set_num_threads(options["threads"])
    cv2.setNumThreads(options["threads"])
    bench = _bench(options)
    version = f"torch-{torch.__version__}"
    name = result_name(["tracks", bench.plate_format.name, "fp32", bench.tracks.name, version])
    path = options["output"] or HERE / "results" / name
    before = read_tracks_result(path) if path.is_file() else None
    known = None if before is None else frozen_set(before)

    def check(tracks: TrackSet) -> None:
        if known is not None:
            check_unchanged(tracks.to_dict(), known, path)

    parts = options["only"] or PARTS
    result = start_result("tracks") | {"network": bench.tracks.to_dict()}
    result["measured"] = dict.fromkeys(parts, result["when"])
    result["parts"] = measure(bench, _plan(options), parts, check)
    if before is not None:
        result = join_results(before, result, path)
    write_result(path, result)
    for claim in claims(result["parts"]):
        click.echo(f"{'met' if claim['met'] else 'NOT MET':8} {claim['target']}: {claim['found']}")
    click.echo(f"Written: {path}\nNext: python benchmarks/tracks.py --markdown {path}")


def _bench(options: dict[str, Any]) -> Bench:
    tracks = load_tracks(options["network"])
    shipped = SHIPPED if tracks.plate_format.name == "cn" else ()
    singles = [load_named(name) for name in dict.fromkeys((*shipped, *options["singles"]))]
    ablations = [_ablation(text) for text in options["ablations"]]
    check_together([tracks, *singles, *ablations])
    kept = Kept(options["work"])
    return Bench(tracks, tuple(singles), tuple(ablations), kept, lambda line: click.echo(line, err=True))


def _ablation(text: str) -> Named:
    name, sign, file = text.partition("=")
    if not (name and sign and file):
        raise UsageError(f"--ablation {text}: expected NAME=FILE, for example baseline=baseline.safetensors")
    return replace(load_tracks(file), name=name)


def _plan(options: dict[str, Any]) -> Plan:
    frozen = FrozenTracks(options["tracks"], options["hardness"], options["seed"])
    return Plan(frozen, RealTracks(options["draws"], options["hardness"]), options["mixed"], options["glyphs"], options["data"])


if __name__ == "__main__":
    main()
