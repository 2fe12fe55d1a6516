"""``edgelpr reproduce``: the HPA paper's tables, one command each, for those who have the data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from edgelpr.cli.options import rectify_option
from edgelpr.cli.output import json_option, next_command, note, print_json, print_table
from edgelpr.cli.several_processes import ending_together
from edgelpr.types import Reproduction

if TYPE_CHECKING:
    from edgelpr.benchmarks.experiments.outcome import Outcome, Pooled
    from edgelpr.benchmarks.experiments.published import Published
    from edgelpr.benchmarks.experiments.recipes import PaperRecipe
    from edgelpr.benchmarks.experiments.running import Reporting
    from edgelpr.training.progress import Progress

_NETWORKS = ("hpa-resnet18", "hpa-resnet34", "hpa-resnet50", "hpa-resnet101")
_OTHERS = ("hpa-nano", "all")
_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("reproduce")
@click.argument("experiment", type=click.Choice(get_args(Reproduction)))
@click.option("--data", type=_FOLDER, required=True, help="Folder of the data set; for clpd that of CCPD, which trains.")
@click.option("--test-data", type=_FOLDER, help="Folder of CLPD, for clpd only: all of it tests.")
@click.option("-o", "--output", type=_FOLDER, required=True, help="Folder of all runs; what lies there goes on.")
@click.option(
    "--network",
    type=click.Choice((*_NETWORKS, *_OTHERS)),
    help="all: the paper's four; hpa-nano is ours.  [default: the recipe's, hpa-resnet18 or, for tables 4 to 6, hpa-resnet101]",
)
@click.option(
    "--backbone-weights", type=_FILE, help="torchvision ResNet (.pth, .safetensors) to start from.  [default: random weights]"
)
@click.option("--recipe", type=_FILE, help="A recipe of your own.  [default: weights/recipes/paper/EXPERIMENT.yaml]")
@click.option("--quick", type=click.IntRange(min=1), metavar="STEPS", help="A smoke run of so many steps; marked as such.")
@rectify_option
@click.option("--half", is_flag=True, help="Half precision where it is safe.")
@click.option(
    "--accumulate", type=click.IntRange(min=1), default=1, show_default=True, help="Parts a batch is worked through in."
)
@click.option("--device", type=click.Choice(("cpu", "cuda")), default="cpu", show_default=True)
@click.option("--workers", type=click.IntRange(min=0), default=1, show_default=True, help="Processes that prepare crops.")
@click.option("--threads", type=click.IntRange(min=1), help="Processor threads of the network.  [default: all]")
@click.option("--save-every", type=click.IntRange(min=1), default=250, show_default=True, help="Steps between saved states.")
@json_option
def command(
    experiment: Reproduction,
    data: Path,
    test_data: Path | None,
    output: Path,
    network: str | None,
    backbone_weights: Path | None,
    recipe: Path | None,
    quick: int | None,
    as_json: bool,
    **machine: Any,
) -> None:
    """Repeat an EXPERIMENT of the HPA paper on its data, and print the paper's figure beside yours.

    \b
      aolp       table 1: trained on two of AC, LE and RP, tested on the third
      medialab   table 2: four folds, and their average
      ccpd       table 3: CCPD-base by its official splits
      clpd       table 3: trained on CCPD-base, tested on all of CLPD
      table4     shared or separate classifiers, with and without HPA maps, on AOLP
      table5     one-by-one or joint training, on AOLP
      table6     without the supervision of S or P, on AOLP

    \b
      edgelpr reproduce aolp --data AOLP -o runs/table1 --backbone-weights resnet18.pth --device cuda
      edgelpr reproduce clpd --data CCPD --test-data CLPD -o runs/table3 --network all --device cuda
      torchrun --nproc-per-node 2 -m edgelpr reproduce aolp --data AOLP -o runs/table1 --device cuda   (one process a GPU)

    Plates are cut at the boxes of the data set, as the paper has it; --rectify straightens them by their corners first.
    Interrupt it when you like: the same command goes on, and what is finished is not repeated. Every split leaves plates.csv,
    result.json and its checkpoint in the output folder. Under torchrun all processes train together, and the first one tests.
    """
    from dataclasses import replace

    from edgelpr.errors import require

    torch = require("torch", "train", "training")
    from edgelpr.benchmarks.experiments.crops import experiment_folds
    from edgelpr.benchmarks.experiments.running import RunOptions, run_experiment
    from edgelpr.models.files import sniff
    from edgelpr.training.distributed import this_process
    from edgelpr.training.progress import Schedule

    plan = _plan(experiment, recipe)
    networks = _networks(network, plan.network, backbone_weights)
    if backbone_weights is not None:
        sniff(backbone_weights)  # a path that is wrong is told now, not after the data set has been read
    folds = experiment_folds(plan, data, test_data)
    if (threads := machine.pop("threads")) is not None:
        torch.set_num_threads(threads)
    chosen = {"rectify": machine.pop("rectify"), "half": machine.pop("half"), "accumulate": machine.pop("accumulate")}
    options = RunOptions(networks[0], output, backbone_weights, quick, **chosen, schedule=Schedule(**machine))
    leads = this_process().leads
    if leads:
        note(_about_start(backbone_weights, quick))
    outcomes: list[Outcome] = []
    with ending_together():
        for name in networks:
            outcomes += run_experiment(plan, folds, replace(options, network=name), _reporting())
    if leads:
        _finish(experiment, outcomes, output, as_json)


def _plan(experiment: str, recipe: Path | None) -> PaperRecipe:
    from edgelpr.benchmarks.experiments.recipes import find_paper_recipe, read_paper_recipe

    path = recipe or find_paper_recipe(experiment)
    plan = read_paper_recipe(path)
    if plan.experiment != experiment:
        raise click.UsageError(f"{path}: a recipe for '{plan.experiment}', not for '{experiment}'")
    return plan


def _networks(chosen: str | None, default: str, backbone_weights: Path | None) -> tuple[str, ...]:
    if chosen != "all":
        return (chosen or default,)
    if backbone_weights is not None:
        raise click.UsageError("--backbone-weights is one ResNet, and --network all are four; run them one by one")
    return _NETWORKS


def _about_start(backbone_weights: Path | None, quick: int | None) -> str:
    start = (
        "Start: random weights. The paper starts from ImageNet's; name a torchvision ResNet with --backbone-weights"
        if backbone_weights is None
        else f"Start: the context path's ResNet from {backbone_weights}, all else random"
    )
    return (
        start if quick is None else f"{start}\nA smoke run of {quick} steps: it shows that all works, its figures mean nothing"
    )


def _reporting() -> Reporting:
    from edgelpr.benchmarks.experiments.running import Reporting

    def counted(done: int, total: int) -> None:
        if done % 10_000 == 0:
            note(f"  {done} of {total}")

    return Reporting(note, _report, counted)


def _report(progress: Progress) -> None:
    minutes = int(progress.seconds_left) // 60
    outcome = progress.outcome
    note(
        f"  step {progress.step}/{progress.steps}  loss {outcome.loss:.3f}  plates right {outcome.plate_accuracy:.0%}  "
        f"{progress.plates_per_second:.0f} plates/s  {minutes // 60}:{minutes % 60:02d} h to go"
    )


def _finish(experiment: str, outcomes: Sequence[Outcome], output: Path, as_json: bool) -> None:
    from edgelpr.benchmarks.experiments.outcome import pool
    from edgelpr.benchmarks.results import start_result, write_result

    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault((outcome.identity["network"], outcome.identity["variant"]), []).append(outcome)
    pooled = [pool(group) for group in groups.values() if len(group) > 1]
    result: dict[str, Any] = start_result(f"reproduce {experiment}")
    result |= {"experiment": experiment, "table": outcomes[0].identity["table"]}
    result |= {"runs": [outcome.to_dict() for outcome in outcomes], "all_plates": [item.to_dict() for item in pooled]}
    path = output / f"{experiment}.json"
    write_result(path, result)
    if as_json:
        print_json(result)
    else:
        _print(outcomes, pooled)
        click.echo(f"\nWritten: {path}; plates.csv and result.json of every split below it")
    _suggest(outcomes[0], output)


def _print(outcomes: Sequence[Outcome], pooled: Sequence[Pooled]) -> None:
    header = ("network", "variant", "split", "right", "ours %", "95 % interval", "paper %", "paper's network, crops")
    rows = [_row(outcome) for outcome in outcomes]
    papers = {(outcome.identity["network"], outcome.identity["variant"]): outcome.published for outcome in outcomes}
    for item in pooled:
        names = [item.network, item.variant]
        rows.append([*names, "all plates", *_counted(item), "-", ""])
        if item.mean_of_splits is not None:  # of another quantity than the interval above: the splits differ in size
            mean = f"{100 * item.mean_of_splits:.2f}"
            rows.append([*names, "mean of splits", "", mean, "", *_paper(papers[item.network, item.variant])])
    print_table(header, rows, right=("right", "ours %", "paper %"))
    for line in _remarks(outcomes):
        click.echo(line)


def _row(outcome: Outcome) -> list[str]:
    from edgelpr.benchmarks.experiments.outcome import AVERAGED

    identity = outcome.identity
    # The paper's figure for Media Lab is that of all its splits.
    published = None if identity["experiment"] == AVERAGED else outcome.published
    names = [identity["network"], identity["variant"], identity["split"]]
    return [*names, *_counted(outcome), *_paper(published)]


def _counted(plates: Outcome | Pooled) -> tuple[str, str, str]:
    low, high = plates.plate_accuracy_interval
    right, share = f"{plates.correct}/{plates.plates}", f"{100 * plates.plate_accuracy:.2f}"
    return right, share, f"{100 * low:.2f} to {100 * high:.2f}"


def _paper(published: Published | None) -> tuple[str, str]:
    if published is None:
        return "-", ""
    return f"{100 * published.plate_accuracy:.2f}", f"{published.network}, {published.boxes} boxes"


def _remarks(outcomes: Sequence[Outcome]) -> list[str]:
    """What a reader has to know to compare."""
    first, boxes = outcomes[0].identity, {o.published.boxes for o in outcomes if o.published is not None}
    lines = ["", f"Start of our networks: {first['initialisation']}. Our crops are cut at the data set's boxes."]
    if "ground-truth" in boxes:
        lines.append("The paper's figures are those for ground-truth boxes (starred there).")
    if "not-stated" in boxes:
        lines.append("The paper does not say where these crops came from; probably from a detector.")
    if first["quick"] is not None:
        lines.append(f"SMOKE RUN of {first['quick']} steps on a part of the plates: these are no results.")
    warnings = sum(len(outcome.warnings) for outcome in outcomes)
    if warnings:
        lines.append(
            f"{warnings} labels of the tests cannot be spelled by the plate format and count as wrong; see result.json."
        )
    return lines


def _suggest(outcome: Outcome, output: Path) -> None:
    next_command(f"edgelpr export {output / outcome.checkpoint} -o {output.name}.elpr")
