"""The ablations' result as a Markdown page: tables beside the paper's, and what held."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgelpr.benchmarks.ablations.gathering import paper_row
from edgelpr.benchmarks.ablations.plan import TABLES, network_of, rows
from edgelpr.data.folds import AOLP_SUBSETS
from edgelpr.data.writing import write_file
from edgelpr.errors import DataError

_TITLES = {
    4: "Table 4: shared classifier and HPA maps",
    5: "Table 5: one-by-one or joint training",
    6: "Table 6: supervision of the semantic and the position network",
}


def write_page(result_file: Path, page: Path) -> None:
    """Write the page of a result.

    Raises:
        DataError: the result cannot be read or the page not written.
    """
    try:
        result = json.loads(result_file.read_text(encoding="utf-8"))
        text = render_page(result, result_file.name)
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{result_file}: not a result of benchmarks/ablations.py ({error})") from error
    write_file(page, text.encode("utf-8"))


def render_page(result: Mapping[str, Any], name: str) -> str:
    """The page as Markdown; ``name`` is the file of the result."""
    parts = [_introduction(result, name)]
    for table in TABLES:
        parts += [f"## {_TITLES[table]}", _table(table, result), _claims_table(table, result)]
    parts += ["## What held, and what did not", _held(result["claims"]), "## How it was done", _method(result)]
    return "\n\n".join(parts) + "\n"


def _introduction(result: Mapping[str, Any], name: str) -> str:
    plan, seeds = result["plan"], len(result["networks"][0]["accuracies"])
    counts = f"{plan['plates']:,} train and {plan['test_plates']:,} others test"
    return f"""# The paper's ablations on rendered plates

**These are not the paper's experiments.** The network is `{plan["architecture"]}` instead of ResNet-101. Its backbone starts
{_start(plan["backbone"])} instead of ImageNet's weights. All plates are
rendered in AOLP's format instead of photographed: {counts}, the same for every network. What can
be compared is the order of the rows and the direction of the differences, not the figures. `edgelpr reproduce
table4|table5|table6` repeats the tables on AOLP itself.

Accuracies are shares of whole plates in percent; {seeds} seeds a network; intervals are 95 %. The result is
[`results/{name}`](results/{name}); this page was made of it by `benchmarks/ablations.py --report`."""


def _start(backbone: str) -> str:
    return f"from that of `{backbone}` (rendered Chinese plates)" if backbone else "from random weights"


def _table(table: int, result: Mapping[str, Any]) -> str:
    networks = {network["name"]: network for network in result["networks"]}
    lines = ["| | paper: AC | LE | RP | here: mean of seeds | over seeds | each seed |", "|---|---|---|---|---|---|---|"]
    for name, row, settings in rows(table):
        stages = ", ".join(["each stage as long as joint training"] * (">" in str(settings.get("stages", ""))))
        paper, longer = paper_row(table, name), networks.get(network_of(settings))
        if longer is not None:
            lines.append(_line(row, stages, paper, longer))
        shorter = networks.get(network_of(settings, "all")) if stages else None
        if shorter is not None:
            lines.append(_line(row, "as many steps in all", None if longer else paper, shorter))
    return "\n".join(lines)


def _line(row: str, budget: str, paper: Mapping[str, float] | None, network: Mapping[str, Any]) -> str:
    figures = [_percent(paper[subset]) if paper else "" for subset in AOLP_SUBSETS]
    each = ", ".join(_percent(accuracy) for accuracy in network["accuracies"])
    cells = [row + (f" ({budget})" if budget else ""), *figures]
    return "| " + " | ".join([*cells, _percent(network["mean"]), _range(network["interval"]), each]) + " |"


def _claims_table(table: int, result: Mapping[str, Any]) -> str:
    lines = [
        "| the paper's claim | its difference: AC, LE, RP | here | over seeds | exact McNemar p of each seed | |",
        "|---|---|---|---|---|---|",
    ]
    for claim in result["claims"]:
        if claim["table"] == table:
            paper = ", ".join(_points(claim["paper_differences"][subset]) for subset in AOLP_SUBSETS)
            tests = ", ".join(_probability(seed["p_value"]) for seed in claim["seeds"])
            interval = _range(claim["interval"], signed=True)
            cells = [_worded(claim), paper, _points(claim["difference"]), interval, tests, claim["verdict"]]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _worded(claim: Mapping[str, Any]) -> str:
    """The claim, and what its networks did not have in common."""
    if claim["budget"] == "all":
        return f"{claim['text']} (as many steps in all)"
    settings = {name: values for name, _, values in rows(claim["table"])}
    better, worse = (str(settings[claim[key]].get("stages", "")).count(">") + 1 for key in ("better", "worse"))
    return claim["text"] if better == worse else f"{claim['text']} (which had {worse} times as many steps)"


def _held(claims: Sequence[Mapping[str, Any]]) -> str:
    """Every claim under its verdict, with the difference that decided it."""
    kinds = {
        "held": "Held: the difference has the paper's sign, and its interval over seeds leaves out 0.",
        "contradicted": "Contradicted: the difference has the other sign, and its interval over seeds leaves out 0.",
        "not told apart": "Not told apart here: the interval over seeds holds 0. That is no proof of equality.",
    }
    parts = []
    for verdict, heading in kinds.items():
        chosen = [claim for claim in claims if claim["verdict"] == verdict]
        bullets = [f"- table {claim['table']}: {_worded(claim)}; {_sentence(claim)}" for claim in chosen]
        parts.append("\n".join([f"**{heading}**", "", *(bullets or ["- none"])]))
    return "\n\n".join(parts)


def _sentence(claim: Mapping[str, Any]) -> str:
    signs = {seed["difference"] > 0 for seed in claim["seeds"] if seed["difference"]}
    agreeing = "all seeds on one side" if len(signs) == 1 else "seeds on both sides" if signs else "no difference in any seed"
    significant = sum(seed["p_value"] < 0.05 for seed in claim["seeds"])
    return (
        f"{_points(claim['difference'])} points ({_range(claim['interval'], signed=True)}), {agreeing}, "
        f"p < 0.05 in {significant} of {len(claim['seeds'])} seeds"
    )


def _method(result: Mapping[str, Any]) -> str:
    plan, machine = result["plan"], result["machine"]
    versions = ", ".join(f"{package} {version}" for package, version in machine["versions"].items())
    seconds = [run["seconds"] for run in result["runs"] if run["seconds"] is not None]
    took = f"{min(seconds):.0f} to {max(seconds):.0f} s a run" if seconds else "times not known, all runs went on after a stop"
    return f"""- Training: AdamW, highest rate {plan["learning_rate"]:g}, {plan["steps"]} steps of {plan["batch"]} crops.
  The {plan["plates"]:,} plates are drawn once and come again with small changes of place, light, blur and noise, as the
  paper augments its own. A network sees {plan["steps"] * plan["batch"]:,} crops
  and has not learned all it can: a difference shows how fast a design learns as much as how far it gets.
- One-by-one training may be given twice: with as many steps in every stage as joint training has in all, or with as many
  steps in all. What is trained is frozen in the stages that follow.
- The plates stand in many poses before a decent camera: moderate exposure and contrast, little blur, little noise. The harsher
  pictures that the product trains on would drown the differences between the networks.
- The character boxes of rendered plates are exact; the paper's were annotated by hand.
- A seed decides weights and variations, never the plates. Networks are compared seed by seed on the same
  {plan["test_plates"]:,} test plates; the interval of a difference is Student's t over seeds, McNemar's exact test is over the
  plates of one seed.
- Several claims are tested at once and no level is corrected for it.
- Machine: {machine["processor"]}, {machine["cores"]} cores, one thread a run, {result["jobs"]} at a time, {took}; {versions}.
- Every run's configuration and, plate by plate, what it read right are in the result."""


def _percent(share: float) -> str:
    return f"{100 * share:.2f}"


def _points(difference: float) -> str:
    return f"{100 * difference:+.2f}"


def _range(ends: Sequence[float] | None, signed: bool = False) -> str:
    if ends is None:
        return "one seed"
    if signed:
        return f"{_points(ends[0])} to {_points(ends[1])}"
    return f"{_percent(max(0.0, ends[0]))} to {_percent(min(1.0, ends[1]))}"


def _probability(value: float) -> str:
    return "< 0.0001" if value < 0.0001 else f"{value:.2g}"
