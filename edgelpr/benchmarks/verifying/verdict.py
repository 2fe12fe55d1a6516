"""What was found, in a sentence."""

from __future__ import annotations

from edgelpr.benchmarks.verifying.gate import plates_needed
from edgelpr.benchmarks.verifying.result import PrecisionResult

_SLOWER = 0.95
"""Between this and ``FASTER`` a precision is as fast as fp32 for people (ours)."""


def verdict(result: PrecisionResult) -> str:
    """Speed and loss of a precision, and what to do with it.

    Of fp32 only what it reads: the others are held against it.
    """
    name, evaluation = result.subject.name, result.evaluation
    if result.is_reference:
        right = f"{evaluation.correct} of {counted(evaluation.plates)}"
        return f"{name} reads {right} right: what the others are held against."
    allowed = f"{result.max_loss:g} {'point is' if result.max_loss == 1 else 'points are'} allowed"
    if result.subject.simulated:
        holds = "within the gate" if result.within_gate else "beyond the gate"
        return f"{name}, {_loss(result)}; {allowed}: {holds}. It approves nothing: the engine made from it has to be verified."
    if not result.within_gate:
        but = f"is {_speed(result)} but " if result.faster else ""
        found = f"{name} {but}{_loss(result)}{_failures(result)}; {allowed}: do not use it."
        if result.evaluation.backend != "onnxruntime" or result.subject.graph.frames is not None:  # no search for layers there
            return found
        return f"{found} Run with --bisect, which finds the layers to keep in higher precision."
    if not result.approved:
        return f"{name} {_loss(result)}; {allowed}, but {_overruled(result)}"
    if result.speed_ratio is None:
        return f"{name} {_loss(result)}; {allowed}: approved. Its speed was not measured."
    if result.faster:
        return f"{name} is {_speed(result)} and {_loss(result)}: use it."
    return f"{name} is {_speed(result)} and {_loss(result)}: nothing to gain{_why(result)}."


def remark(result: PrecisionResult) -> str | None:
    """What so few plates cannot tell; None where they are enough, for fp32, and for a clear failure."""
    plates, (low, high) = result.evaluation.plates, result.loss_interval
    if result.is_reference or high <= result.max_loss:
        return None
    if result.within_gate:
        holds = "approved" if result.approved else "within the gate"
        needed = plates_needed(result.counts, result.max_loss)
        more = "" if needed is None else f"; about {_rounded_up(needed):,} plates read like these would"
        few = f"{counted(plates)} cannot exclude a loss of up to {points(high)} points"
        return f"{result.subject.name}: {holds}, but {few}{more}."
    if low <= result.max_loss and not result.engine_failures:
        holds = "beyond the gate" if result.subject.simulated else "not approved"
        single = f" One plate of {plates} is {points(100 / plates)} points." if 100 / plates > result.max_loss else ""
        few = f"{counted(plates)} cannot tell this loss from one within the gate"
        return f"{result.subject.name}: {holds}, but {few}; verify on more.{single}"
    return None


def reversal(result: PrecisionResult) -> str | None:
    """What an earlier verdict on the same plates said, where it was the other way round."""
    earlier = result.earlier
    if earlier is None or not result.reverses:
        return None
    was, now = ("approved", "not approved") if earlier.approved else ("not approved", "approved")
    return (
        f"{result.subject.name}: {now} on these plates, where it was {was} before: then it {earlier.loss_in_words}; now "
        f"{result.max_loss:g} {'point is' if result.max_loss == 1 else 'points are'} allowed."
    )


def points(value: float) -> str:
    """Percentage points for people: one digit behind the point, two where one would show nothing."""
    text = f"{value:.1f}" if abs(value) >= 0.1 or value == 0 else f"{value:.2f}"
    return "0" if float(text) == 0 else text


def counted(number: int) -> str:
    """So many plates."""
    return f"{number} plate" if number == 1 else f"{number} plates"


def _loss(result: PrecisionResult) -> str:
    """From the verb on: how many plates, and how sure that is."""
    counts, plates = result.counts, result.evaluation.plates
    lost, gained, (low, high) = counts.only_first, counts.only_second, result.loss_interval
    interval = f"95 % interval {points(low)} to {points(high)}"
    if not gained:
        what = f"loses {counted(lost)} of {plates}" if lost else f"loses no plate of {plates}"
        return f"{what} ({points(result.loss_points)} points, {interval})"
    if not lost:
        return f"gains {counted(gained)} of {plates} (a loss of {points(result.loss_points)} points, {interval})"
    what = f"loses {counted(lost)} of {plates} that fp32 reads and reads {gained} that fp32 does not"
    return f"{what} (a net loss of {points(result.loss_points)} points, {interval})"


def _overruled(result: PrecisionResult) -> str:
    """Why it may not be used although it is within the gate here."""
    ruling = result.ruling
    if ruling is None or ruling.by is None:
        raise ValueError("only a ruling by some verdict overrules")
    by = ruling.by
    if ruling.reason == "few":
        if by.mostly_misread:
            return (
                f"fp32 reads only {by.correct_fp32} of {by.plates} right, so these approve nothing: are labels and crops right?"
            )
        few = f"{by.evidence_in_words} approve nothing, {by.least_plates} are needed"
        return f"{few}: verify on more (or lower --least-plates)."
    if ruling.reason == "selected":
        return "these plates chose which of its layers stay in higher precision, so they approve nothing: confirm it on others."
    if ruling.reason == "elsewhere":
        return f"these plates approve nothing, and what does was verified with {by.instruction_set}: verify on more, here."
    return (
        f"not approved: on other plates (data sha256 {by.data_sha256[:12]}) it {by.loss_in_words}. That stands until those "
        "plates are verified anew, with a larger --max-loss if so much may be lost, or until --forget withdraws it."
    )


def _failures(result: PrecisionResult) -> str:
    failures = result.engine_failures
    return f", and fails on {counted(len(failures))} ({failures[0].error})" if failures else ""


def _why(result: PrecisionResult) -> str:
    """What people do not expect of fp16."""
    if result.subject.precision != "fp16" or "CPU" not in result.runtime:
        return ""
    return "; on most CPUs fp16 is converted to fp32 and back, and pays off only on engines that compute in it"


def _speed(result: PrecisionResult) -> str:
    """After ``is``; of a result with a time."""
    ratio = result.speed_ratio or 1.0
    if result.faster:
        return f"{ratio:.1f} times faster than fp32 here"
    return f"no faster here ({'' if ratio >= _SLOWER else f'{ratio:.1f} times '}as fast as fp32)"


def _rounded_up(number: int) -> int:
    """Two figures that count; more would pretend to be exact."""
    step = int(10 ** max(0, len(str(number)) - 2))
    return -(-number // step) * step
