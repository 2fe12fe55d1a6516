"""What ``edgelpr verify --bisect`` does and prints: which layers cost plates, and the fewest to keep in higher precision."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgelpr.cli.output import note, print_table
from edgelpr.types import Precision, ReducedFile

if TYPE_CHECKING:
    from edgelpr.benchmarks.bisecting.bisection import Bisection
    from edgelpr.benchmarks.bisecting.costs import Cost
    from edgelpr.benchmarks.bisecting.running import Subject
    from edgelpr.benchmarks.bisecting.sensitivity import Sensitivity
    from edgelpr.benchmarks.bisecting.speed import Speed
    from edgelpr.bundle.bundle import Bundle
    from edgelpr.data.labelled import LabelledCrop

_HEADER = ("layer", "multiply-adds", "plates lost alone", "shift alone", "all but this", "gain", "kept")
_NUMBERS = ("multiply-adds", "plates lost alone", "shift alone", "all but this", "gain")
_HIGHER: Mapping[ReducedFile, str] = {"fp16": "fp32", "int8": "fp16", "int8-cpu": "fp32"}


def bisect_and_report(
    bundle: Bundle,
    labelled: Sequence[LabelledCrop],
    *,
    precision: Precision,
    backend: str,
    max_loss: float,
    threads: int | None,
    batch_size: int,
    rectify: bool,
    chart: Path | None,
    take: Callable[[dict[str, Any]], None] | None,
    grouped: bool = False,
    keep_slow: bool = False,
) -> Bundle:
    """Measure what each layer costs, keep the fewest that make the graph pass, and say what was found.

    Whatever fails, Ctrl-C included, leaves the bundle as it was.

    Args:
        bundle: calibrated.
        labelled: plates that layers are chosen on; their accuracy has to be measured on others.
        precision: fp16 or int8.
        backend: only ``onnxruntime``.
        max_loss: whole-plate accuracy that may be lost, in percentage points.
        threads: CPU threads for one batch; None lets the engine choose.
        batch_size: crops read at a time.
        rectify: straighten plates by their corners where the labels give them.
        chart: where to draw the cost of each layer, or None.
        take: given what was found as plain values; None: it is printed as tables.
        grouped: measure groups of layers even where the layers are few; beyond 24 they always are.
        keep_slow: change the bundle even where the graph that passes is no faster than fp32.

    Returns:
        The bundle with its new graphs, or the one given where nothing was to be changed; new graphs are not approved yet.

    Raises:
        UsageError: fp32, or another backend.
        DataError: no plate that can be loaded, or the chart cannot be written.
        CalibrationError: a bundle that was not calibrated, or a graph that came out broken.
        BundleError: no such graph, or the bundle cannot be written.
        BackendError: the engine fails.
    """
    from edgelpr.benchmarks.bisecting.running import open_subject
    from edgelpr.bundle.updating import check_changeable

    check_changeable(bundle)
    subject = open_subject(bundle, precision, backend, threads, batch_size)
    bundle, found, kept = _search(bundle, subject, labelled, max_loss, rectify, grouped, keep_slow, threads)
    if take is None:
        _print(found, kept)
    else:
        take(found.to_dict() | {"kept_by_file": {file: list(names) for file, names in kept.items()}})
    _warn(found, changed=bool(kept))
    if chart is not None:  # last: a full disk must not cost the figures
        from edgelpr.benchmarks.bisecting.chart import write_bisection_chart

        write_bisection_chart(chart, found)
        note(f"Wrote {chart}: the cost of each layer")
    return bundle


def _search(
    bundle: Bundle,
    subject: Subject,
    labelled: Sequence[LabelledCrop],
    max_loss: float,
    rectify: bool,
    grouped: bool,
    keep_slow: bool,
    threads: int | None,
) -> tuple[Bundle, Bisection, Mapping[ReducedFile, Sequence[str]]]:
    """The bundle, changed where a set was found; what was found; and what each file keeps."""
    from edgelpr.benchmarks.bisecting.keeping import keep_in_bundle
    from edgelpr.benchmarks.bisecting.plates import plates_to_choose_on, prepare_plates
    from edgelpr.benchmarks.bisecting.running import bisect
    from edgelpr.cli.progress import Steps

    steps = Steps("Bisecting")
    reached = [0, 0]

    def reach(done: int, total: int) -> None:
        reached[:] = done, total
        steps.reach(done, total)

    chosen = plates_to_choose_on(labelled)
    if len(chosen) < len(labelled):
        note(f"Layers are chosen on {len(chosen)} of the {len(labelled)} plates, spread evenly")
    try:
        with steps:
            plates = prepare_plates(chosen, bundle.manifest.preprocessing, rectify, steps.reach)
            found = bisect(subject, plates, max_loss=max_loss, grouped=grouped, say=steps.note, progress=reach)
        kept: Mapping[ReducedFile, Sequence[str]] = {}
        if found.outcome == "found" and (found.pays or keep_slow):
            bundle, kept = keep_in_bundle(bundle, found, plates, threads, note)
    except KeyboardInterrupt:
        note(f"Interrupted after {reached[0]} of {reached[1]} graphs of the table; the bundle is as it was")
        raise
    return bundle, found, kept


def _print(found: Bisection, kept: Mapping[ReducedFile, Sequence[str]]) -> None:
    click.echo(f"\nLayers of {found.file}, read with {found.backend}")
    click.echo(
        f"Against fp32 on {found.ranked_on} plates. Alone: only this layer reduced. All but this: plates lost when it alone is "
        "kept. Shift: how far\nthe probability of fp32's characters moved, on average. Gain: how much of it keeping this layer "
        "takes away."
    )
    print_table(_HEADER, [_row(found, each) for each in found.sensitivities], right=_NUMBERS)
    click.echo(f"\n{_verdict(found)}")
    for file, names in kept.items():
        click.echo(f"{file}.onnx keeps in {_HIGHER[file]}: {_named(found, names)}")
    if "int8" in kept:
        click.echo(
            "int8.onnx is for TensorRT and was not measured here; it keeps the same layers, as far as it would round them."
        )
    if found.speed is not None:
        click.echo(_speed(found.speed))
    if found.outcome == "found" and not kept:
        click.echo("Too little to use it, so nothing was changed: use fp32, or fine-tune the network for INT8. (--keep-slow)")


def _named(found: Bisection, nodes: Sequence[str]) -> str:
    layers = [layer.name for layer in found.layers if layer.nodes[0] in nodes]
    between = f", and {len(nodes) - len(layers)} nodes behind them" if len(nodes) > len(layers) else ""
    return (", ".join(layers) + between) or "nothing that it would round"


def _row(found: Bisection, each: Sensitivity) -> list[str]:
    kept, count = found.kept_of(each.layer), len(each.layer.nodes)
    return [
        each.layer.name if count == 1 else f"{each.layer.name} ({count} layers)",
        f"{each.layer.multiply_adds / found.multiply_adds:.1%}",
        _lost(each.alone),
        f"{each.alone.shift:.5f}",
        _lost(each.without),
        f"{each.gain:+.5f}",
        "yes" if kept == count else f"{kept} of {count}" if kept else "no",
    ]


def _lost(cost: Cost) -> str:
    return "broken" if cost.broken else str(cost.net_loss)


def _verdict(found: Bisection) -> str:
    before = f"{found.file} {_loss(found.before, found)}"
    allowed = f"{found.max_loss:g} points are allowed"
    if found.outcome == "passes":
        return f"Nothing to keep: {before}, and {allowed}. Nothing was changed."
    if found.after is None:
        return (
            f"No set is enough: {before}; {allowed}, and even with every layer kept it loses more. Nothing was changed. "
            "Use fp32, or fine-tune the network for this precision."
        )
    share = f"{len(found.kept)} of {len(found.layers)} layers ({found.kept_work:.1%} of the multiply-adds)"
    return f"{before}; {allowed}. With {share} kept it {_loss(found.after, found)}."


def _loss(cost: Cost, found: Bisection) -> str:
    if cost.broken:
        return "returns NaN"
    low, high = cost.loss_interval
    verb, number = ("loses", cost.net_loss) if cost.net_loss >= 0 else ("gains", -cost.net_loss)
    plates = f"{number} plate{'' if number == 1 else 's'} of {found.plates}"
    return f"{verb} {plates} (a loss of {cost.loss_points:.2f} points, 95 % interval {low:.2f} to {high:.2f})"


def _speed(speed: Speed) -> str:
    now = f"{speed.gain_after:.2f} times as fast as fp32, {speed.gain_before:.2f} times before"
    return f"Network only, batch 1, taking turns: {now}."


def _warn(found: Bisection, changed: bool) -> None:
    if 100 / found.plates > found.max_loss:
        points = f"{100 / found.plates:.2f} points"
        note(f"Warning: one plate of {found.plates} is {points}, more than may be lost: a single plate decides")
    if found.smallest_shown > found.max_loss:
        note(
            f"Warning: {found.plates} plates are few for a gate of {found.max_loss:g} points: even if fp32 read all alike, "
            f"the true loss could be {found.smallest_shown:.2f} points (95 %). What is near the gate may have passed or failed "
            "by chance"
        )
    if changed:
        note(
            "The layers were chosen on these plates, which therefore approve nothing. Verify on plates that had no part in it: "
            "with one CSV, give half of its lines another value in the column 'split' and bisect on one part only"
        )
