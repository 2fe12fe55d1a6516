"""The HPA paper's ablations (tables 4, 5 and 6) on rendered plates, with a small network.

    python benchmarks/ablations.py --jobs 2            all runs, then the result in benchmarks/results and the page
    python benchmarks/ablations.py --quick             a few steps and plates to see that it works, nothing kept
    python benchmarks/ablations.py --report RESULT     the page benchmarks/ablations.md from a result

Each run has a process of its own and one thread. Runs that are finished are kept in --work, one that was cut short goes on.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, get_args

import click

from edgelpr.benchmarks.ablations.gathering import gather
from edgelpr.benchmarks.ablations.job import read_job, run_job
from edgelpr.benchmarks.ablations.page import write_page
from edgelpr.benchmarks.ablations.plan import Ablated, Plan, networks
from edgelpr.benchmarks.ablations.plates import unseen_plates
from edgelpr.benchmarks.results import result_name, start_result, write_result
from edgelpr.bundle.files import hash_file
from edgelpr.errors import EdgelprError
from edgelpr.models.weights import resolve_checkpoint
from edgelpr.training.progress import Progress
from edgelpr.types import StageBudget

HERE = Path(__file__).parent
PAGE = HERE / "ablations.md"
QUICK = Plan(steps=3, batch=4, plates=8, test_plates=10)
_PATH = click.Path(path_type=Path)


@click.command()
@click.option("--jobs", type=click.IntRange(min=1), default=2, show_default=True, help="Runs at a time, one thread each.")
@click.option("--seeds", type=click.IntRange(min=1), default=3, show_default=True, help="Runs of each network.")
@click.option("--steps", type=click.IntRange(min=10), default=Plan.steps, show_default=True, help="Steps of joint training.")
@click.option("--plates", type=click.IntRange(min=1), default=Plan.plates, show_default=True, help="Plates that train.")
@click.option("--test", type=click.IntRange(min=1), default=Plan.test_plates, show_default=True, help="Plates that test.")
@click.option("--only", multiple=True, metavar="NAME", help="Only this network; may be repeated; no result is written.")
@click.option(
    "--budget",
    type=click.Choice(("both", *get_args(StageBudget))),
    default="both",
    show_default=True,
    help="Of one-by-one training: every stage as long as joint training (each), or all stages together (all).",
)
@click.option("--work", type=_PATH, default=Path("runs/ablations"), show_default=True, help="Folder of the runs.")
@click.option("-o", "--output", type=_PATH, help="Where the result goes.  [default: a name of its own in benchmarks/results]")
@click.option("--page", type=_PATH, default=PAGE, show_default=True, help="Where the page goes.")
@click.option("--quick", is_flag=True, help="Few steps and plates; nothing is kept.")
@click.option("--report", type=_PATH, metavar="RESULT", help="Only write the page from this result.")
@click.option("--one", metavar="JOB", hidden=True, help="Run one job in this process; JSON.")
def main(**options: Any) -> None:
    """Run, gather and report; see the top of this file."""
    try:
        if options["one"] is not None:
            _one(json.loads(options["one"]), options["work"])
        elif options["report"] is not None:
            _report(options["report"], options["page"])
        elif options["quick"]:
            _quick(options)
        else:
            plan = Plan(steps=options["steps"], plates=options["plates"], test_plates=options["test"])
            _run(plan, options)
    except EdgelprError as error:
        sys.exit(f"Error: {error}")


def _quick(options: dict[str, Any]) -> None:
    with TemporaryDirectory(prefix="edgelpr-ablations-") as name:
        folder = Path(name)
        page = folder / "page.md"
        _run(QUICK, options | {"seeds": 1, "work": folder, "output": folder / "result.json", "page": page})
        if page.is_file():
            click.echo(page.read_text(encoding="utf-8"))


def _run(plan: Plan, options: dict[str, Any]) -> None:
    """All runs, then the result and its page."""
    began, work, jobs = perf_counter(), options["work"], options["jobs"]
    chosen = [n for n in _chosen(options["only"]) if options["budget"] in ("both", n.budget) or n.stages == 1]
    todo = [(network, seed) for seed in range(options["seeds"]) for network in chosen]
    left = [(network, seed) for network, seed in todo if read_job(plan, network, seed, work) is None]
    click.echo(f"{len(todo)} runs, {len(todo) - len(left)} finished before, {jobs} at a time", err=True)
    unseen_plates(plan, work)  # before the runs, so that no two draw it at once
    _start_all(plan, left, jobs, work)
    runs = [run_job(plan, network, seed, work) for network, seed in todo]
    if options["only"]:
        return
    minutes = round((perf_counter() - began) / 60, 1) if len(left) == len(todo) else None  # unknown after a stop
    result = start_result("ablations") | {"minutes": minutes, "jobs": jobs}
    if plan.backbone:
        result["backbone_sha256"] = hash_file(resolve_checkpoint(plan.backbone))[0]
    result |= gather(plan, runs)
    path = options["output"] or HERE / "results" / _name(result)
    write_result(path, result)
    click.echo(f"Written: {path}")
    _report(path, options["page"])


def _chosen(only: Sequence[str]) -> tuple[Ablated, ...]:
    known = {network.name: network for network in networks()}
    unknown = sorted(set(only) - known.keys())
    if unknown:
        raise click.UsageError(f"no network {', '.join(unknown)}; there are: {', '.join(known)}")
    return tuple(known[name] for name in only) or tuple(known.values())


def _start_all(plan: Plan, left: Sequence[tuple[Ablated, int]], jobs: int, work: Path) -> None:
    """Each job in a process of its own, so that it computes with one thread."""

    def start(job: tuple[Ablated, int]) -> str | None:
        network, seed = job
        described = json.dumps({"plan": plan.to_dict(), "name": network.name, "seed": seed})
        command = [sys.executable, __file__, "--one", described, "--work", str(work)]
        done = subprocess.run(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, check=False)
        return None if done.returncode == 0 else f"{network.name} with seed {seed}"

    with ThreadPoolExecutor(jobs) as pool:
        failed = [name for name in pool.map(start, left) if name is not None]
    if failed:
        sys.exit(f"Error: {len(failed)} of {len(left)} runs failed: {', '.join(failed)}. Start again to go on")


def _one(job: dict[str, Any], work: Path) -> None:
    import cv2
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    plan, seed = Plan(**job["plan"]), job["seed"]
    (network,) = _chosen([job["name"]])
    label = f"{network.name} {seed}"
    done = run_job(plan, network, seed, work, lambda progress: _progress(label, progress))
    speed = "" if done["seconds"] is None else f", {done['seconds']:.0f} s"
    click.echo(f"{label}: {done['correct']} of {done['plates']} plates{speed}", err=True)


def _progress(label: str, progress: Progress) -> None:
    if progress.step % 200 == 0:
        click.echo(f"{label}: step {progress.step}/{progress.steps}, {progress.plates_per_second:.0f} plates/s", err=True)


def _report(result: Path, page: Path) -> None:
    write_page(result, page)
    click.echo(f"Written: {page}")


def _name(result: dict[str, Any]) -> str:
    machine, plan = result["machine"], result["plan"]
    return result_name(
        (
            "ablations",
            plan["architecture"],
            f"torch-{machine['versions'].get('torch')}",
            machine["processor"],
            f"{machine['cores']}-cores",
        )
    )


if __name__ == "__main__":
    main()
