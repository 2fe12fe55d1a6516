"""``edgelpr bench self-check``: what the harness itself costs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from edgelpr.cli.output import json_option, next_command, note, print_json, print_table


@click.command("self-check")
@click.option("--samples", type=click.IntRange(min=10), default=2000, show_default=True, help="How many.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="RESULT.json", help="Keep the result.")
@json_option
def command(samples: int, output: Path | None, as_json: bool) -> None:
    """Measure what measuring costs: a stand-in that takes exactly 0.5 ms is timed by the same code as every network.

    Fails with exit code 1 where that adds more than 2 %, in a sample or between two: then this machine is disturbed, or its
    clock is slow to read. Takes a second or two; stop everything else first.
    """
    from edgelpr.benchmarks.bench.clock import SystemClock
    from edgelpr.benchmarks.bench.overhead import MOST_SHARE, measure_overhead
    from edgelpr.benchmarks.results import start_result, write_result

    result = start_result("bench-overhead")
    overhead = measure_overhead(SystemClock(), samples)
    result |= asdict(overhead) | {"passed": overhead.passed}
    if output is not None:
        write_result(output, result)
        note(f"Wrote {output}")
    if as_json:
        print_json(result)
    else:
        rows = [
            ("a stand-in for a network takes", f"{overhead.model_ms:.3f} ms"),
            ("its samples are longer by", f"{overhead.latency_share:.2%}"),
            ("from one call to the next it is longer by", f"{overhead.loop_share:.2%}"),
        ]
        print_table(("measure", "value"), rows)
    if not overhead.passed:
        raise click.ClickException(f"the harness adds more than {MOST_SHARE:.0%}; stop what else runs here and try again")
    next_command("edgelpr bench BUNDLE")
