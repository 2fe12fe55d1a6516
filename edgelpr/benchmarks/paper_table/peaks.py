"""What the devices of a result do at most: the processor by measuring, GPUs by the table of boards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timezone

from edgelpr.benchmarks.bench.disturbances import disturbances_between, look
from edgelpr.benchmarks.bench.measuring import Measurement
from edgelpr.benchmarks.bench.result import BenchResult, Peaks
from edgelpr.benchmarks.boards import match_board
from edgelpr.benchmarks.paper_table.earlier import Earlier
from edgelpr.benchmarks.paper_table.peaks_table import RATES, how_measured
from edgelpr.benchmarks.rates import measure_rates

PROCESSOR = "CPU"
"""As ``Run.device`` names it."""


def processor_peaks(threads: int) -> Peaks:
    """This processor's, measured now."""
    rates = measure_rates(threads)
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    known = dict.fromkeys(("fp32", "memory") if rates.int8_operations is None else RATES, now)
    return Peaks(PROCESSOR, rates.fp32.flops, rates.int8_operations, rates.fp32.bytes_per_second, rates.fp32.source, known)


def peaks_ever(measure: Callable[[int], Peaks], threads: int, earlier: Earlier, measurement: Measurement) -> Peaks:
    """The processor's, measured now, or as an earlier start of the same result reached them, whichever is higher.

    What disturbed the measuring is noted, since shares of the peak would be too high; so is what is of the earlier start.

    Args:
        measure: gives the peaks for a number of threads.
        threads: of this start.
        earlier: with the peaks of the earlier start.
        measurement: takes the notes.
    """
    around = measurement.surroundings
    before = look(around.clock, around.root)
    now = measure(threads)
    disturbances = disturbances_between(before, look(around.clock, around.root))
    measurement.notes += [f"while the peak of the processor was measured, {each}" for each in disturbances]
    peaks, notes = highest_peaks(now, earlier.peaks, earlier.when)
    measurement.notes += notes
    return peaks


def highest_peaks(now: Peaks, earlier: Sequence[Peaks], when: str) -> tuple[Peaks, list[str]]:
    """The higher of two figures, rate by rate, of one device and one way of measuring, and what to note of them.

    Runs of both starts are held against these peaks, and a peak is the most that was ever reached.

    Args:
        now: measured by this start.
        earlier: of the earlier result; those of other threads, which ``source`` names, do not count.
        when: that result's start.
    """
    same = next((each for each in earlier if (each.device, how_measured(each)) == (now.device, how_measured(now))), now)
    higher = {name: rate for name, rate in RATES.items() if (getattr(same, rate) or 0) > (getattr(now, rate) or 0)}
    if not higher:
        return now, []
    whose = f"the peak of {now.device} in {', '.join(higher)} is of an earlier start, as the result of {when} has it"
    note = f"{whose}: this start reached less, and a peak is the most that was ever reached"
    dates = {name: (same if name in higher else now).measured or {} for name in RATES}
    measured = {name: found[name] for name, found in dates.items() if name in found}
    rates = {rate: getattr(same, rate) for rate in higher.values()}
    return replace(now, measured=measured or None, **rates), [note]


def known_peaks(result: BenchResult) -> list[Peaks]:
    """Of the GPUs that ran something and are in the table of boards; no int8 there: advertised figures are sparse."""
    found = []
    for device in dict.fromkeys(run.device for run in result.runs if run.device != PROCESSOR):
        board = match_board([device, str(result.machine.get("board") or "")])
        if board is not None:
            rates = board.rates
            found.append(Peaks(device, rates.flops, None, rates.bytes_per_second, rates.source))
    return found
