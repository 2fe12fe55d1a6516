"""``edgelpr bench compare``: how many times as fast, and how sure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgelpr.cli.output import json_option, note, print_json, print_table
from edgelpr.errors import UsageError

if TYPE_CHECKING:
    from edgelpr.benchmarks.bench.bootstrap import Ratio
    from edgelpr.benchmarks.bench.comparing import Comparison

_FILE = click.Path(dir_okay=False, path_type=Path)
_GATE = "Exit with 1 where a ratio is surely below, as 0.9, or where that cannot be told, for CI."


@click.command("compare")
@click.argument("results", type=_FILE, nargs=-1, required=True, metavar="A.json B.json...")
@click.option("--across", multiple=True, metavar="FIELD", help="Let this difference through; may be repeated.")
@click.option("--fail-below", type=float, metavar="RATIO", help=_GATE)
@json_option
def command(results: tuple[Path, ...], across: tuple[str, ...], fail_below: float | None, as_json: bool) -> None:
    """Compare B.json, and every further result, with A.json: files that `edgelpr bench -o` wrote.

    A ratio of 1.25 says that B is 1.25 times as fast: of medians, of p90 where both have 64 samples, and of plates a second.
    The 95 % interval is by resampling blocks of neighbouring samples. It holds the chance within these two runs; another
    start of the same program may differ by more, so repeat what matters. With fewer than 64 samples, as of cold starts,
    resampling is too sure of itself: then the median alone has an interval, by ranks, and with 3 against 3 nothing has.

    precision, backend, the version of edgelpr and a TensorRT engine that was built anew may differ: that is what a comparison
    is about. Everything else has to agree, or the comparison is refused and says why: scenario, scope, transfers (whether
    network only holds the copies to and from a GPU), batch, model, graph, weights, threads, duration, crops, device, machine,
    power-mode, versions. --across lets one of these through. Other clocks, temperatures, power limits and other processes on
    a GPU are warned of.

    --fail-below is a gate for CI. It fails, with a sentence for each reason, where a ratio is surely below the number; where B
    lacks a run that A has, or something failed in B; and where samples are too few to tell, since a gate that cannot know
    must not open (5 against 5 are enough for 6 figures, 6 against 6 for 23: measure longer, or leave the scenario out of both).
    The chance of failing a build that is exactly RATIO times as fast is 2.5 % for the whole gate, however many figures it
    holds: each is tested at 2.5 % over their number. Where neighbouring samples are much alike it is more: leave a margin.

    \b
      edgelpr bench compare before.json after.json --fail-below 0.9
      edgelpr bench compare cn.json latin.json --across model --across graph --across crops
    """
    from edgelpr.benchmarks.bench.comparing import compare_results
    from edgelpr.benchmarks.bench.files import read_bench_result
    from edgelpr.benchmarks.bench.gate import gate_reasons

    if len(results) < 2:
        raise UsageError("one result has nothing to be compared with; expected A.json B.json")
    if fail_below is not None and not fail_below > 0:
        raise UsageError(f"--fail-below is {fail_below}; expected a ratio above 0, such as 0.9")
    first = read_bench_result(results[0])
    comparisons = []
    for path in results[1:]:
        second = read_bench_result(path)
        comparisons.append(compare_results(first, second, across, (str(results[0]), str(path))))
        for name, result in ((results[0], first), (path, second)):
            if result.interrupted:
                shorter = "" if result.cut_short is False else ", so its last run is shorter than it was to be"
                note(f"Note: {name} was interrupted{shorter}")
    reasons = () if fail_below is None else gate_reasons(comparisons, fail_below)
    if as_json:
        print_json(_plain(results, comparisons, reasons))
    else:
        for path, each in zip(results[1:], comparisons):
            _print(results[0], path, each)
    lines = [f"  {path}: {line}" for path, each in zip(results[1:], reasons) for line in each]
    if lines:
        raise click.ClickException("\n".join([f"--fail-below {fail_below:g} does not let this pass:", *lines]))


def _plain(
    results: tuple[Path, ...], comparisons: Sequence[Comparison], reasons: tuple[tuple[str, ...], ...]
) -> list[dict[str, object]]:
    names = [{"first": str(results[0]), "second": str(path)} for path in results[1:]]
    plain = [{**name, **each.to_dict()} for name, each in zip(names, comparisons)]
    return [{**each, "gate": list(lines)} for each, lines in zip(plain, reasons)] if reasons else plain


def _print(first: Path, second: Path, comparison: Comparison) -> None:
    click.echo(f"{second} against {first}: above 1 is faster")
    rows = []
    for each in comparison.compared:
        run, before, after = each.second, each.first.summary, each.second.summary
        shown = {
            "median": f"{before.p50_ms:.3f} -> {after.p50_ms:.3f} ms",
            "p90": f"{before.p90_ms or 0:.3f} -> {after.p90_ms or 0:.3f} ms",
            "throughput": f"{before.plates_per_second:.1f} -> {after.plates_per_second:.1f} /s",
        }
        for name, ratio in each.ratios.items():
            rows.append((run.scenario, run.scope, str(run.batch), name, shown[name], f"{ratio.value:.3f}", _interval(ratio)))
    head = ("scenario", "scope", "batch", "figure", "from -> to", "ratio", "95 % interval")
    print_table(head, rows, right=("batch", "ratio"))
    for line in dict.fromkeys(difference.text for each in comparison.compared for difference in each.differences):
        click.echo(f"Compared: {line}")
    for title, missing in ((first, comparison.only_first), (second, comparison.only_second)):
        for name in missing:
            click.echo(f"Only in {title}: {name}")
    _warn(first, second, comparison)


def _interval(ratio: Ratio) -> str:
    return "too few samples" if ratio.low is None else f"{ratio.low:.3f} to {ratio.high:.3f}"


def _warn(first: Path, second: Path, comparison: Comparison) -> None:
    for path, failures in ((first, comparison.failures_first), (second, comparison.failures)):
        for failure in failures:
            note(f"Warning: in {path}, {failure}")
    for line in comparison.warnings:
        note(f"Warning: {line}")
    sides = [(path, run) for each in comparison.compared for path, run in ((first, each.first), (second, each.second))]
    for path in dict.fromkeys((first, second)):
        disturbed = [f"{run.scenario}, {run.scope}" for place, run in sides if place == path and run.disturbances]
        if disturbed:
            note(f"Warning: {path} was disturbed, so its figures may be too slow: {'; '.join(dict.fromkeys(disturbed))}")
    if any(run.duration == "quick" for _, run in sides):
        note("Note: quick results show that it works; measure without --quick before you conclude anything")
