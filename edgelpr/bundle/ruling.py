"""What several verdicts on one graph and one engine come to: one of them may not wash out another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgelpr.bundle.approval import Approval
from edgelpr.types import RulingReason

Holds = Callable[[Approval], bool]
"""Whether an approval given on a device holds on the processor at hand, which may round otherwise."""


@dataclass(frozen=True)
class Ruling:
    """Whether a precision may be used, and because of which verdict."""

    reason: RulingReason
    """What decided."""

    by: Approval | None
    """The verdict that decided, of several the one on most plates, of those on too little the one on most evidence; or None."""

    @property
    def approved(self) -> bool:
        """Whether it may be used."""
        return self.reason == "approved"


def rule(
    verdicts: Sequence[Approval],
    device: str | None = None,
    holds: Holds = lambda verdict: True,
    engine_sha256: str | None = None,
) -> Ruling:
    """The rule (ours): a refusal stands until its own plates are verified anew; then one approval that counts is enough.

    A verdict counts where it rests on enough different plates that fp32 reads right, half of all at least, and on plates that
    had no part in choosing the graph's layers. A
    refusal always counts: plates were lost, however few were read. Each device is ruled on by itself, and so is each engine
    that was built for it: approvals are for that very build, while a refusal of another build stands until this one was
    verified on the same plates.

    Args:
        verdicts: on one graph file and one backend, one for each device, engine and set of plates.
        device: what computes; None: it is enough if the precision may be used on some device.
        holds: which approvals hold here; by default every one.
        engine_sha256: hash of the plan that reads; None where nothing is built.
    """
    if device is None:
        subjects = dict.fromkeys((verdict.device, verdict.engine_sha256) for verdict in verdicts)
        rulings = [rule(verdicts, each, holds, engine) for each, engine in subjects]
        return max(rulings, key=lambda ruling: ruling.approved, default=Ruling("unverified", None))
    on_device = [verdict for verdict in verdicts if verdict.device == device]
    here = [verdict for verdict in on_device if verdict.engine_sha256 == engine_sha256]
    if not here:
        return Ruling("elsewhere", _weightiest(on_device or verdicts)) if verdicts else Ruling("unverified", None)
    read = {verdict.data_sha256 for verdict in here}
    here += [verdict for verdict in on_device if not verdict.approved and verdict.data_sha256 not in read]
    refusing = [verdict for verdict in here if not verdict.approved]
    if refusing:
        return Ruling("refused", _weightiest(refusing))
    counting = [verdict for verdict in here if verdict.counts]
    holding = [verdict for verdict in counting if holds(verdict)]
    if counting:
        return Ruling("approved", _weightiest(holding)) if holding else Ruling("elsewhere", _weightiest(counting))
    unchosen = [verdict for verdict in here if not verdict.selected]
    if unchosen:
        return Ruling("few", max(unchosen, key=lambda verdict: verdict.evidence))
    return Ruling("selected", _weightiest(here))


def _weightiest(verdicts: Sequence[Approval]) -> Approval:
    return max(verdicts, key=lambda verdict: verdict.plates)
