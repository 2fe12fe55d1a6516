"""``edgelpr bench compare``: how many times as fast, and how sure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgelpr.cli.output import json_option, note, print_json, print_table
from edgelpr.errors import UsageError

if TYPE_CHECKING:
    from edgelpr.benchmarks.bench.comparing import Comparison

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("compare")
@click.argument("results", type=_FILE, nargs=-1, required=True, metavar="A.json B.json...")
@click.option("--across", multiple=True, metavar="FIELD", help="Let this difference through; may be repeated.")
@click.option("--fail-below", type=float, metavar="RATIO", help="Exit with 1 where a ratio is surely below, as 0.9, for CI.")
@json_option
def command(results: tuple[Path, ...], across: tuple[str, ...], fail_below: float | None, as_json: bool) -> None:
    """Compare B.json, and every further result, with A.json: files that `edgelpr bench -o` wrote.

    A ratio of 1.25 says that B is 1.25 times as fast: of medians, of p90 where both have 64 samples, and of plates a second.
    The 95 % interval is by resampling blocks of neighbouring samples. It holds the chance within these two runs; another
    start of the same program may differ by more, so repeat what matters.

    precision, backend and the version of edgelpr may differ: that is what a comparison is about. Everything else has to agree,
    or the comparison is refused and says why: scenario, scope, batch, model, graph, threads, duration, crops, device, machine,
    power-mode, versions. --across lets one of these through.

    --fail-below fails where the whole interval of any ratio lies below the number, so that chance alone does not fail a build.

    \b
      edgelpr bench compare before.json after.json --fail-below 0.9
      edgelpr bench compare cn.json latin.json --across model --across graph --across crops
    """
    from edgelpr.benchmarks.bench.comparing import compare_results
    from edgelpr.benchmarks.bench.files import read_bench_result

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
                note(f"Note: {name} was interrupted, so its last run is shorter than it was to be")
    slower = [line for path, each in zip(results[1:], comparisons) for line in _slower(path, each, fail_below)]
    if as_json:
        runs = [[compared.to_dict() for compared in each.compared] for each in comparisons]
        print_json([{"first": str(results[0]), "second": str(path), "runs": each} for path, each in zip(results[1:], runs)])
    else:
        for path, each in zip(results[1:], comparisons):
            _print(results[0], path, each)
    if slower:
        raise click.ClickException(f"slower than {fail_below} times: {'; '.join(slower)}")


def _slower(path: Path, comparison: Comparison, least: float | None) -> list[str]:
    if least is None:
        return []
    found = []
    for each in comparison.compared:
        for name in each.slower_than(least):
            ratio, run = each.ratios[name], each.second
            found.append(f"{path}, {run.scenario}, {run.scope}, {name} {ratio.value:.3f} (at most {ratio.high:.3f})")
    return found


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
            interval = f"{ratio.low:.3f} to {ratio.high:.3f}"
            rows.append((run.scenario, run.scope, str(run.batch), name, shown[name], f"{ratio.value:.3f}", interval))
    head = ("scenario", "scope", "batch", "figure", "from -> to", "ratio", "95 % interval")
    print_table(head, rows, right=("batch", "ratio"))
    for line in dict.fromkeys(difference.text for each in comparison.compared for difference in each.differences):
        click.echo(f"Compared: {line}")
    for title, missing in ((first, comparison.only_first), (second, comparison.only_second)):
        for name in missing:
            click.echo(f"Only in {title}: {name}")
    sides = [(path, run) for each in comparison.compared for path, run in ((first, each.first), (second, each.second))]
    for path in dict.fromkeys((first, second)):
        disturbed = [f"{run.scenario}, {run.scope}" for place, run in sides if place == path and run.disturbances]
        if disturbed:
            note(f"Warning: {path} was disturbed, so its figures may be too slow: {'; '.join(dict.fromkeys(disturbed))}")
    if any(run.duration == "quick" for _, run in sides):
        note("Note: quick results show that it works; measure without --quick before you conclude anything")
