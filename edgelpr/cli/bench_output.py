"""How results of ``edgelpr bench`` look in a terminal."""

from __future__ import annotations

import sys
from types import TracebackType

import click

from edgelpr.benchmarks.bench.result import BenchResult, Profile
from edgelpr.benchmarks.bench.run import Run
from edgelpr.benchmarks.machine import busy, load
from edgelpr.cli.output import note, print_table
from edgelpr.cli.progress import ProgressBar

_STEPS = 1000
_LAYERS = 15
_BAR = 30
_NUMBERS = ("batch", "p50 ms", "p90 ms", "p99 ms", "plates/s", "samples", "mean ms")


class Telling:
    """A bar a scenario on a terminal, a line a scenario elsewhere; both on stderr."""

    def __init__(self) -> None:
        self._what = ""
        self._bar: ProgressBar | None = None

    def __enter__(self) -> Telling:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._close()

    def reach(self, what: str, share: float) -> None:
        """Show how much of a scenario is done."""
        if what != self._what:
            self._close()
            self._what = what
            if not sys.stderr.isatty():
                note(f"  {what}")
            self._bar = ProgressBar(_STEPS, f"  {what}").__enter__()
        if self._bar is not None:
            self._bar.reach(round(share * _STEPS))

    def _close(self) -> None:
        bar, self._bar = self._bar, None
        if bar is not None:
            bar.__exit__(None, None, None)


def warn_if_busy() -> None:
    """Say on stderr that something else runs here, before minutes of measuring."""
    if busy():
        note(
            f"Warning: the load average is {load()}: something else runs on this machine, and no time taken now can be trusted"
        )


def print_result(result: BenchResult) -> None:
    """The figures on stdout; what is to be known about them below."""
    if not result.runs:
        note("Nothing was measured")
        return
    head: tuple[str, ...] = ("scenario", "scope", "batch", "p50 ms", "p90 ms", "p99 ms", "mean ms", "plates/s", "samples")
    rows = [_row(run) for run in result.runs]
    several = len({run.model.name for run in result.runs}) > 1
    if several:  # other people's readers beside ours
        head, rows = ("model", *head), [(run.model.name, *row) for run, row in zip(result.runs, rows)]
    print_table(head, rows, right=_NUMBERS)
    click.echo()
    for line in dict.fromkeys(line for run in result.runs for line in _details(run)):
        click.echo(line)
    for remark in result.notes:
        click.echo(f"Note: {remark}")
    for run in result.runs:
        name = ", ".join([*([run.model.name] if several else []), run.scenario, run.scope])
        for warning in run.warnings:
            click.echo(f"Warning ({name}): {warning}")
        for disturbance in run.disturbances:
            click.echo(f"Disturbed ({name}): {disturbance}")
    if any(run.duration == "quick" for run in result.runs):
        click.echo("Quick: these figures show that it works; leave out --quick for figures to quote")
    for profile in result.profiles:
        _print_profile(profile)


def _row(run: Run) -> tuple[str, ...]:
    figures = run.summary
    return (
        run.scenario,
        run.scope,
        str(run.batch),
        _ms(figures.p50_ms),
        _ms(figures.p90_ms),
        _ms(figures.p99_ms),
        _ms(figures.mean_ms),
        # One plate after the other is a latency; nothing about throughput is derived from it.
        "-" if run.scenario in ("single-stream", "cold-start") else f"{figures.plates_per_second:.1f}",
        str(len(run.samples_ns)),
    )


def _details(run: Run) -> list[str]:
    frames = f"; one plate is a track of {run.model.frames} frames" if run.model.frames > 1 else ""
    found = [f"{run.model.name}: {run.runtime}, {run.precision}{frames}"]
    if run.parts_ms is not None:
        parts = ", ".join(f"{name.replace('_', ' ')} {time:.1f} ms" for name, time in run.parts_ms.items())
        found.append(f"cold start: {parts} (medians)")
    if run.gpu_ms is not None:
        found.append(f"by the device's events: {', '.join(f'{name} {time:.3f} ms' for name, time in run.gpu_ms.items())}")
    if run.energy_joules_per_plate is not None:
        found.append(f"{run.scenario}, {run.scope}: {1000 * run.energy_joules_per_plate:.3f} mJ a plate")
    if run.accuracy is not None:
        right, plates = run.accuracy.correct, run.accuracy.plates
        found.append(f"accuracy of this engine: {right} of {plates} plates, {right / plates:.2%}")
    return found


def _print_profile(profile: Profile) -> None:
    total = sum(layer.microseconds for layer in profile.layers) or 1.0
    slowest = sorted(profile.layers, key=lambda layer: -layer.microseconds)[:_LAYERS]
    click.echo(f"\nLayers, {profile.backend}, {profile.precision}, batch {profile.batch}; profiling slows what it looks at")
    rows = []
    for layer in slowest:
        bar = "#" * round(_BAR * layer.microseconds / (slowest[0].microseconds or 1.0))
        rows.append((layer.name[-50:], layer.operator, f"{layer.microseconds:.1f}", f"{layer.microseconds / total:.1%}", bar))
    print_table(("layer", "operator", "us", "share", ""), rows, right=("us", "share"))
    if len(profile.layers) > _LAYERS:
        click.echo(f"and {len(profile.layers) - _LAYERS} more (-o and --json hold all)")


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
