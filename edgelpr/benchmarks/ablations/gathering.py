"""From single runs to networks and to what the paper claims of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from edgelpr.benchmarks.ablations.plan import Plan, network_of, networks, rows
from edgelpr.benchmarks.ablations.spread import mean_interval
from edgelpr.benchmarks.experiments.published import published_accuracy
from edgelpr.data.folds import AOLP_SUBSETS
from edgelpr.training.config import TrainingConfig
from edgelpr.training.paired import PairedCounts, mcnemar, tango_interval
from edgelpr.training.statistics import wilson_interval
from edgelpr.types import ClaimVerdict, StageBudget


@dataclass(frozen=True)
class Claim:
    """One network reads better than another, says a table of the paper."""

    table: int
    """Of the paper."""

    text: str
    """The claim in words."""

    better: str
    """Row that the paper has ahead."""

    worse: str
    """Row that it has behind."""

    budget: StageBudget = "each"
    """Of the one trained stage by stage."""


CLAIMS = (
    Claim(4, "one shared classifier reads better than one for each position", "shared", "separate"),
    Claim(4, "separate classifiers read better with HPA maps than without", "separate", "separate-no-maps"),
    Claim(5, "joint training reads better than S, then P, then C", "jointly", "s-then-p-then-c"),
    Claim(5, "joint training reads better than P, then S, then C", "jointly", "p-then-s-then-c"),
    Claim(5, "joint training reads better than S and P, then C", "jointly", "s-and-p-then-c"),
    Claim(5, "S, then P, then C reads better than P, then S, then C", "s-then-p-then-c", "p-then-s-then-c"),
    Claim(5, "joint training reads better than S, then P, then C", "jointly", "s-then-p-then-c", "all"),
    Claim(5, "joint training reads better than P, then S, then C", "jointly", "p-then-s-then-c", "all"),
    Claim(5, "joint training reads better than S and P, then C", "jointly", "s-and-p-then-c", "all"),
    Claim(6, "supervising P as well as S helps", "both", "without-p"),
    Claim(6, "supervising S as well as P helps", "both", "without-s"),
    Claim(6, "supervising both helps", "both", "neither"),
)
"""What the three tables say, pair by pair."""


def gather(plan: Plan, runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The result of all runs.

    Args:
        plan: what they had in common.
        runs: what ``run_job`` returned, every network with the same seeds; networks that were not run are left out.

    Returns:
        ``plan``; ``networks`` with mean and interval over seeds; ``claims`` with paired differences; ``runs``.
    """
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for run in runs:
        by_name.setdefault(run["name"], []).append(run)
    described = {
        n.name: {"name": n.name, "settings": dict(n.settings), "budget": n.budget} for n in networks() if n.name in by_name
    }
    return {
        "plan": plan.to_dict(),
        "networks": [values | _over_seeds(by_name[name]) for name, values in described.items()],
        "claims": [_judge(claim, by_name) for claim in CLAIMS if set(_networks_of(claim)) <= by_name.keys()],
        "runs": [_run(run) for run in runs],
    }


def paper_row(table: int, name: str) -> dict[str, float]:
    """The paper's figures of a row, by subset of AOLP, 0 to 1, for the network it ablates."""
    settings = next(settings for row, _, settings in rows(table) if row == name)
    config = TrainingConfig("hpa-resnet101", **settings)
    found = {subset: published_accuracy(table, "aolp", subset, config) for subset in AOLP_SUBSETS}
    return {subset: figure.plate_accuracy for subset, figure in found.items() if figure is not None}


def _run(run: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("name", "seed", "plates", "correct", "seconds", "config", "right")
    interval = wilson_interval(run["correct"], run["plates"])
    return {name: run[name] for name in kept} | {"interval": list(interval)}


def _over_seeds(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    accuracies = [run["correct"] / run["plates"] for run in runs]
    interval = mean_interval(accuracies)
    return {"accuracies": accuracies, "mean": fmean(accuracies), "interval": None if interval is None else list(interval)}


def _networks_of(claim: Claim) -> tuple[str, str]:
    """Names of the better and of the worse network."""
    settings = {name: values for name, _, values in rows(claim.table)}
    return network_of(settings[claim.better]), network_of(settings[claim.worse], claim.budget)


def _judge(claim: Claim, runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """Better minus worse, seed by seed: both read the same plates and began with the same seed."""
    better, worse = _networks_of(claim)
    pairs = [_pair(first, second) for first, second in zip(runs[better], runs[worse], strict=True)]
    differences = [pair["difference"] for pair in pairs]
    interval = mean_interval(differences)
    ahead, behind = paper_row(claim.table, claim.better), paper_row(claim.table, claim.worse)
    return asdict(claim) | {
        "paper_differences": {subset: ahead[subset] - behind[subset] for subset in AOLP_SUBSETS},
        "seeds": pairs,
        "difference": fmean(differences),
        "interval": None if interval is None else list(interval),
        "verdict": _verdict(interval),
    }


def _pair(better: Mapping[str, Any], worse: Mapping[str, Any]) -> dict[str, Any]:
    marks = list(zip(better["right"], worse["right"], strict=True))
    counts = PairedCounts(*[marks.count(pair) for pair in (("1", "1"), ("0", "1"), ("1", "0"), ("0", "0"))])
    return {
        "seed": better["seed"],
        "only_better": counts.only_second,
        "only_worse": counts.only_first,
        "difference": counts.difference,
        "interval": list(tango_interval(counts)),
        "p_value": mcnemar(counts).exact,
    }


def _verdict(interval: tuple[float, float] | None) -> ClaimVerdict:
    if interval is None or interval[0] <= 0 <= interval[1]:
        return "not told apart"
    return "held" if interval[0] > 0 else "contradicted"
