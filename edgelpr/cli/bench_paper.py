"""`edgelpr bench paper`: the papers' speed beside ours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from edgelpr.cli.options import label_format_option, weights_option
from edgelpr.cli.output import json_option, next_command, note, print_json, print_table
from edgelpr.errors import BackendError, UsageError, require
from edgelpr.types import BackendName, BenchDuration, LabelFormat, Precision

if TYPE_CHECKING:
    from edgelpr.benchmarks.bench.measuring import Measurement, Tell
    from edgelpr.benchmarks.bench.result import BenchResult
    from edgelpr.benchmarks.boards import Board
    from edgelpr.benchmarks.paper_table.plates import Plates
    from edgelpr.benchmarks.paper_table.projecting import Projection
    from edgelpr.benchmarks.paper_table.running import PaperRun
    from edgelpr.benchmarks.report.document import Section


@click.command("paper")
@click.option(
    "--network",
    "networks",
    multiple=True,
    metavar="NAME",
    help="One of the papers' networks; may be repeated.  [default: all five]",
)
@click.option(
    "--backend",
    "backends",
    multiple=True,
    type=click.Choice(get_args(BackendName)),
    default=("torch", "onnxruntime"),
    show_default=True,
    help="Inference engine; may be repeated. torch is eager and fp32, as in the papers; on cuda also fp16 in a CUDA graph.",
)
@click.option(
    "--precision",
    "precisions",
    multiple=True,
    type=click.Choice(get_args(Precision)),
    default=get_args(Precision),
    show_default=True,
    help="Of the exported graphs; may be repeated.",
)
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="Processor threads.")
@click.option(
    "--device",
    default="cpu",
    show_default=True,
    metavar="cpu|cuda",
    help="Where torch computes; cuda repeats the papers' protocol.",
)
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    help="Also the accuracy of the very networks that are timed, where they were trained, on these plates.",
)
@label_format_option
@click.option("--split", metavar="NAME", help="With --labels: only this part of them.")
@click.option("--board", "boards", multiple=True, metavar="NAME", help="Project to a board, like orin-nano; may be repeated.")
@click.option(
    "--quick",
    is_flag=True,
    help="Shows that it works, in minutes; the result is marked as quick.",
)
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), help="For each scenario, instead of the usual ten.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="RESULT.json",
    help="Where the result goes, every sample in it; what it holds already is not measured again.",
)
@click.option("--fresh", is_flag=True, help="Measure everything again, whatever -o holds.")
@click.option("--retake-disturbed", "retakes", is_flag=True, help="Measure again what -o holds and the machine disturbed.")
@weights_option
@json_option
def command(
    networks: tuple[str, ...],
    backends: tuple[BackendName, ...],
    precisions: tuple[Precision, ...],
    threads: int,
    device: str,
    labels: Path | None,
    label_format: LabelFormat,
    split: str | None,
    boards: tuple[str, ...],
    quick: bool,
    seconds: float | None,
    output: Path | None,
    fresh: bool,
    retakes: bool,
    weights: Path | None,
    as_json: bool,
) -> None:
    """Time the papers' networks and print their tables beside ours.

    HPA with ResNet-18, -34, -50 and -101, and IQ-STAN: by the papers' protocol, which never waits for the device, by the same
    with waiting, and by the honest single stream; as PyTorch runs them, exported plain, exported rewritten, in fp16 and INT8.
    IQ-STAN reads five frames of a plate; five single readings of the same frames by HPA, ResNet-18, are timed beside it.
    Weights are the trained ones where there are any, else random: they take as long. Nothing else should run on the machine.

    It takes long, so -o is written after each thing that was timed: after Ctrl-C the same command goes on where it was (not
    with --seconds). Each row says whether the machine disturbed it; --retake-disturbed measures those rows again.

    --labels reads plates with each network after it was timed, IQ-STAN tracks made of them (or those of a CSV with the columns
    track,image,plate). With an earlier -o only what is not in it yet is measured, and nothing is timed again for it. INT8 is
    calibrated on rendered plates here, so that its accuracy is of that graph. Without --labels the table has what the cards of
    the weights say, under these words.

    --board projects the fp32 times to a board that is not here, by a roofline fitted to what was measured; it is labelled
    "projected" and says what is known of its error.

    \b
      edgelpr bench paper --quick
      edgelpr bench paper --threads 2 -o paper.json --board orin-nano
      edgelpr bench paper --threads 2 -o paper.json --labels plates.csv --split test
      edgelpr bench report paper.json -o paper.html
    """
    for module in ("torch", "onnx", "safetensors"):
        require(module, "export", "timing the papers' networks")
    from edgelpr.benchmarks.bench.files import write_bench_result
    from edgelpr.benchmarks.boards import find_board
    from edgelpr.benchmarks.paper_table.earlier import read_earlier
    from edgelpr.benchmarks.paper_table.running import run_papers
    from edgelpr.benchmarks.paper_table.sources import choose_sources
    from edgelpr.benchmarks.paper_table.subject import Wanted
    from edgelpr.cli.bench_output import Telling, warn_if_busy
    from edgelpr.models.weights import find_weights

    if quick and seconds is not None:
        raise UsageError("--quick and --seconds exclude each other")
    plates = _plates(labels, label_format, split)  # a mistake in them is told before minutes of work
    chosen = [find_board(name) for name in boards]  # a wrong name is told before minutes of work
    warn_if_busy()
    sources = choose_sources(networks, find_weights(weights))

    def keep(result: BenchResult) -> None:
        if output is not None:
            write_bench_result(output, result)

    with Telling() as telling:
        measurement = _measurement(quick, seconds, telling.reach)
        machine, duration = measurement.result().machine, measurement.span.kind
        earlier = read_earlier(output, machine, duration, threads, fresh, retakes, device)
        wanted = Wanted(backends, precisions, threads, device, earlier, plates)
        done = run_papers(sources, wanted, measurement, note, keep=keep)
    keep(done.result)
    _print(done, chosen, as_json)
    if output is not None:
        note(f"Written: {output}")
        next_command(f"edgelpr bench report {output} -o {output.with_suffix('.html')}")
    _end(done)


def _plates(labels: Path | None, label_format: LabelFormat, split: str | None) -> Plates | None:
    from edgelpr.benchmarks.paper_table.plates import read_paper_plates

    if labels is not None:
        return read_paper_plates(labels, label_format, split)
    for option, given in (("--split", split is not None), ("--format", label_format != "csv")):
        if given:
            raise UsageError(f"{option} says which of the --labels are read, and there are none; give --labels too")
    return None


def _measurement(quick: bool, seconds: float | None, tell: Tell) -> Measurement:
    from edgelpr.benchmarks.bench.duration import span_of
    from edgelpr.benchmarks.bench.measuring import Measurement, Surroundings
    from edgelpr.benchmarks.bench.nvml import open_nvml

    kind: BenchDuration = "quick" if quick else "default"
    span = span_of("custom", seconds) if seconds is not None else span_of(kind)
    return Measurement(span, Surroundings(nvml=open_nvml()), tell)


def _print(done: PaperRun, boards: list[Board], as_json: bool) -> None:
    from edgelpr.benchmarks.paper_table.document import paper_section
    from edgelpr.benchmarks.paper_table.frames import frames_rows
    from edgelpr.benchmarks.paper_table.projecting import projection_section
    from edgelpr.benchmarks.paper_table.table import paper_rows

    rows, projections = paper_rows([done.result]), _projections(done, boards)
    if as_json:
        frames = [row.to_dict() for row in frames_rows([done.result])]
        projected = [each.to_dict() for each in projections]
        print_json({"rows": [row.to_dict() for row in rows], "five_frames": frames, "projected": projected})
        return
    _print_section(paper_section(rows, [done.result]))
    for remark in done.result.notes:
        click.echo(f"Note: {remark}")
    for projection in projections:
        _print_section(projection_section(projection))
    if boards and not projections:
        note("Nothing to project from: it takes at least two exported graphs in fp32, timed on this processor")


def _projections(done: PaperRun, boards: list[Board]) -> list[Projection]:
    from edgelpr.benchmarks.boards import find_board
    from edgelpr.benchmarks.paper_table.projecting import project
    from edgelpr.benchmarks.paper_table.published import CARD
    from edgelpr.benchmarks.paper_table.table import peaks_of, rates_of

    here = rates_of(peaks_of(done.result, "CPU"), "fp32")
    if here is None or not boards:
        return []
    machine, card = f"{done.result.machine.get('processor')}, ONNX Runtime", find_board(CARD)
    found = [project(board, done.graphs, done.eager, here, machine, card) for board in boards]
    return [each for each in found if each is not None]


def _print_section(section: Section | None) -> None:
    from edgelpr.benchmarks.report.document import Table, Text

    if section is None:
        return
    click.echo(f"\n{section.title}\n")
    for part in section.parts:
        if isinstance(part, Table):
            click.echo(part.caption)
            print_table(part.header, part.rows, right=part.right)
        elif isinstance(part, Text):
            click.echo(click.wrap_text(part.text, width=110))
        click.echo()


def _end(done: PaperRun) -> None:
    """The exit code of a command that did not finish."""
    if done.result.interrupted:
        note("Stopped: what was measured until then is above, marked as interrupted; the same command with -o goes on")
        raise click.Abort
    for failure in done.result.failures:
        raise BackendError(str(failure))
