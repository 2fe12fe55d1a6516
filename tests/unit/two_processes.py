"""What each process does in ``test_training_distributed.py``; started by torchrun, or alone.

two_processes.py OUT    gradients of one step with batch normalisation frozen, a whole run, and the same one cut short and
                        resumed, of crops and of tracks; an experiment of a paper, which fails and goes on: all at one
                        start, which costs more than the work
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from tiny_training import DIGITS, NANO, TINY, tiny_config
from two_processes_reproducing import reproduce
from two_processes_tracks import track_gradients, track_runs

from edgelpr.data.rendering.samples import Renderer
from edgelpr.models import hpa
from edgelpr.training.averaging import Average
from edgelpr.training.distributed import join
from edgelpr.training.feeding import batches
from edgelpr.training.leading import led
from edgelpr.training.loop import train
from edgelpr.training.optimizing import make_optimizer
from edgelpr.training.progress import Progress, Schedule
from edgelpr.training.rendered import RenderedSource
from edgelpr.training.samples import TrainingSamples
from edgelpr.training.stages import Stage
from edgelpr.training.state import Parts
from edgelpr.training.stepping import Stepper


def gradients(folder: Path, accumulate: int) -> None:
    """Gradients and figures of a step, over the crops of all processes, as ``PROCESSES-ACCUMULATE.pt``."""
    group, config = join("cpu"), tiny_config(batch=8, accumulate=accumulate)
    torch.manual_seed(0)
    network = hpa.create(TINY.name, DIGITS)
    parts = Parts(network, Average(network, 0.0), make_optimizer(config, network))
    stepper = Stepper(config, parts, group, torch.device("cpu"), None)
    samples = TrainingSamples(RenderedSource(Renderer(DIGITS), 0), 0, 32)
    with frozen_statistics():
        outcome = stepper.take(0, next(iter(batches(samples, config, group, 0, 0))))
    if group.leads:
        grads = {name: parameter.grad for name, parameter in network.named_parameters()}
        torch.save({"grads": grads, "outcome": vars(outcome)}, folder / f"{group.size}-{accumulate}.pt")


@contextlib.contextmanager
def frozen_statistics() -> Iterator[None]:
    """Batch normalisation by running statistics: what a crop gives does not depend on its fellows."""
    prepare = Stage.prepare

    def frozen(self: Stage, network: hpa.Hpa) -> None:
        prepare(self, network)
        network.eval()

    Stage.prepare = frozen  # type: ignore[method-assign]
    try:
        yield
    finally:
        Stage.prepare = prepare  # type: ignore[method-assign]


def runs(folder: Path) -> None:
    """Two runs of the same settings, one of them interrupted after its third step."""
    config, schedule = tiny_config(batch=8, accumulate=2, stages="S+P>C"), Schedule(report_every=1, save_every=2, workers=1)

    def told(progress: Progress) -> None:
        with (folder / "told.txt").open("a", encoding="utf-8") as file:
            file.write(f"{progress.step}\n")

    train(config, Renderer(DIGITS), folder / "whole", schedule=schedule, report=told)
    take = Stepper.take

    def stops(self: Stepper, step: int, batch: object) -> object:
        if step == 3:
            raise KeyboardInterrupt
        return take(self, step, batch)  # type: ignore[arg-type]

    Stepper.take = stops  # type: ignore[method-assign,assignment]
    with contextlib.suppress(KeyboardInterrupt):
        train(config, Renderer(DIGITS), folder / "parts", schedule=schedule)
    Stepper.take = take  # type: ignore[method-assign]
    train(config, Renderer(DIGITS), folder / "parts", schedule=schedule)


def leads_after_all_are_here(folder: Path) -> None:
    """What each process reads before the leading one changes it, and after; the other one comes late."""
    group, file = join("cpu"), folder / "led.txt"
    led(group, lambda: file.write_text("before", encoding="utf-8"))
    if not group.leads:
        time.sleep(0.5)
    seen = [file.read_text(encoding="utf-8")]
    led(group, lambda: file.write_text("after", encoding="utf-8"))
    seen.append(file.read_text(encoding="utf-8"))
    (folder / f"led-{group.rank}.txt").write_text(" ".join(seen), encoding="utf-8")


if __name__ == "__main__":
    torch.set_num_threads(1)
    out = Path(sys.argv[1])
    hpa.ARCHITECTURES[TINY.name] = TINY
    hpa.ARCHITECTURES[NANO.name] = NANO
    for parts_of_a_step in (1, 2):
        gradients(out, parts_of_a_step)
    leads_after_all_are_here(out)
    runs(out)
    track_gradients(out)
    track_runs(out)
    reproduce(out)
