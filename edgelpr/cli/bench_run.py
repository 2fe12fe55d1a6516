"""``edgelpr bench run``: measure a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from edgelpr.cli.bench_peers import Peers, peer_options
from edgelpr.cli.options import (
    backend_choice_option,
    bundle_argument,
    engine_use_options,
    label_format_option,
    precision_option,
    threads_option,
)
from edgelpr.cli.output import json_option
from edgelpr.errors import UsageError
from edgelpr.types import BackendChoice, BenchDuration, LabelFormat, PeerLayout, Precision, Scenario, Scope

if TYPE_CHECKING:
    from edgelpr.benchmarks.bench.duration import Span
    from edgelpr.runtime.executing.use import EngineUse

_SCOPES: dict[str, Scope] = {"network": "network only", "end-to-end": "end to end"}
_USUAL: tuple[Scenario, ...] = ("single-stream", "offline")


@click.command("run")
@bundle_argument
@click.option("--images", type=click.Path(path_type=Path), help="Crops to read: a folder, or labels. Rendered ones without it.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the rendered crops.")
@backend_choice_option
@engine_use_options
@precision_option
@click.option(
    "--scenario",
    "scenarios",
    type=click.Choice(get_args(Scenario)),
    multiple=True,
    default=_USUAL,
    show_default=True,
    help="May be repeated.",
)
@click.option("--scope", type=click.Choice(list(_SCOPES)), help="Only the network's call, or only crop to text; else both.")
@click.option("--batch", type=click.IntRange(1, 256), default=16, show_default=True, help="Crops at once in offline.")
@threads_option
@click.option("--quick", is_flag=True, help="Half a second a scenario: shows that it works; the result is marked.")
@click.option("--duration", type=float, metavar="SECONDS", help="A scenario lasts this long; 10 s and 662 samples without it.")
@click.option("--official", is_flag=True, help="600 seconds a scenario, as MLPerf asks.")
@click.option("--profile", is_flag=True, help="Also the time of each layer, in a session of its own.")
@click.option("--labels", type=click.Path(path_type=Path), help="Also the accuracy of the very same engine on these plates.")
@label_format_option
@peer_options
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="RESULT.json", help="Keep the result.")
@json_option
def command(
    bundle: Path,
    images: Path | None,
    seed: int,
    backend: BackendChoice,
    use: EngineUse,
    precision: Precision,
    scenarios: tuple[Scenario, ...],
    scope: str | None,
    batch: int,
    threads: int | None,
    quick: bool,
    duration: float | None,
    official: bool,
    profile: bool,
    labels: Path | None,
    label_format: LabelFormat,
    peers: tuple[Path, ...],
    peer_inputs: tuple[str, ...],
    peer_layout: PeerLayout | None,
    peer_callables: tuple[str, ...],
    output: Path | None,
    as_json: bool,
) -> None:
    """Measure a BUNDLE.

    Scenarios, none ever derived from another:

    \b
      single-stream        one crop after the other; the figure is the p90 of the latency
      offline              all crops at once, in batches; the figure is plates a second
      paper                the loop of the HPA authors: 5000 passes, batch 1, network only, the device is never waited for;
                           its mean tends to throughput, not latency
      paper-synchronised   the same loop, waiting for the device each time
      cold-start           a fresh process: importing, opening, first reading

    Network only is the engine's call on a prepared crop; end to end is from a decoded crop in memory to text. Two to 64
    distinct crops rotate. Before each scenario the network is called until three blocks of calls in a row take equally long,
    within 5 %. A p90 needs 64 samples and a p99 662; no sample is dropped.

    --peer and --peer-callable time other people's readers in the same run, on the same crops.

    A bundle that reads tracks is given tracks of as many frames as it reads together, rendered ones or those of --images (a
    folder a track, or a CSV with the columns track,image): one plate is one track. Peers then read each frame by itself.

    Ctrl-C keeps what was measured so far, marked as interrupted. When the model fails, what came before is kept, and the exit
    code is 1. -o is written after each scenario, marked as interrupted until all are done: a process that is killed loses the
    one in progress.
    """
    from edgelpr.cli.bench_asked import BenchJob
    from edgelpr.cli.bench_job import run_job

    span = _span(quick, duration, official)
    scopes: tuple[Scope, ...] = get_args(Scope) if scope is None else (_SCOPES[scope],)
    job = BenchJob(
        bundle=bundle,
        images=images,
        seed=seed,
        backend=backend,
        use=use,
        precision=precision,
        scenarios=scenarios,
        scopes=scopes,
        batch=batch,
        threads=threads,
        span=span,
        profile=profile,
        labels=labels,
        label_format=label_format,
        peers=Peers(peers, peer_inputs, peer_layout, peer_callables),
        output=output,
        as_json=as_json,
    )
    run_job(job)


def _span(quick: bool, duration: float | None, official: bool) -> Span:
    from edgelpr.benchmarks.bench.duration import span_of

    if (quick, official, duration is not None).count(True) > 1:
        raise UsageError("--quick, --duration and --official exclude each other")
    kind: BenchDuration = "quick" if quick else "official" if official else "default" if duration is None else "custom"
    return span_of(kind, duration)
