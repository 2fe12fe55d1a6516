"""What each process does with tracks in ``test_training_distributed.py``; ``two_processes.py`` calls it."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import torch
from tiny_training import DIGITS
from torch import nn

from edgelpr.data.rendering.samples import Renderer
from edgelpr.data.rendering.tracks.tracks import TrackRenderer
from edgelpr.models.iq_stan import IqStan, IqStanConfig
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.training.averaging import Average
from edgelpr.training.distributed import join
from edgelpr.training.progress import Schedule
from edgelpr.training.state import Parts
from edgelpr.training.tracks.config import TrackConfig
from edgelpr.training.tracks.feeding import batches
from edgelpr.training.tracks.progress import TrackProgress
from edgelpr.training.tracks.running import train_tracks
from edgelpr.training.tracks.samples import TrackSamples
from edgelpr.training.tracks.stepping import TrackStepper

SMALL = IqStanConfig(widths=(4, 6, 8, 8, 8, 8), column_width=12, encoder_hidden=8, decoder_hidden=12, attention_width=8)
TRACKS = TrackRenderer(Renderer(DIGITS), Preprocessing(50, 150))
CONFIG = TrackConfig(steps=4, batch=4, warmup=2, averaging=0.5, own_choice=0.5)


def track_gradients(folder: Path) -> None:
    """Gradients and figures of a step, over the tracks of all processes, as ``tracks-PROCESSES.pt``."""
    group = join("cpu")
    torch.manual_seed(0)
    network = IqStan(replace(SMALL, dropout=0.0), DIGITS)
    hold_statistics(network)
    parts = Parts(network, Average(network, 0.0), torch.optim.AdamW(network.parameters()))
    stepper = TrackStepper(CONFIG, parts, group, torch.device("cpu"))
    outcome = stepper.take(0, next(batches(TrackSamples(TRACKS, CONFIG), CONFIG, group, 0, 0)))
    if group.leads:
        grads = {name: parameter.grad for name, parameter in network.named_parameters()}
        torch.save({"grads": grads, "outcome": tuple(outcome)}, folder / f"tracks-{group.size}.pt")


def hold_statistics(network: IqStan) -> None:
    """Batch normalisation by running statistics for good: what a track gives does not depend on its fellows."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
            module.train = lambda mode=True, module=module: module  # type: ignore[method-assign,misc]


def track_runs(folder: Path) -> None:
    """Two runs of the same settings, one of them interrupted after its third step."""
    IqStanConfig.__init__.__defaults__ = tuple(vars(SMALL).values())  # of the name that checkpoints know
    schedule = Schedule(report_every=1, save_every=2, workers=0)

    def told(progress: TrackProgress) -> None:
        _note(folder, f"{progress.step}")

    def said(line: str) -> None:
        _note(folder, line.split()[0])

    train_tracks(CONFIG, TRACKS, folder / "whole-tracks", schedule=schedule, held_out=2, report=told, say=said)
    take = TrackStepper.take

    def stops(self: TrackStepper, step: int, sample: object) -> object:
        if step == 3:
            raise KeyboardInterrupt
        return take(self, step, sample)  # type: ignore[arg-type]

    TrackStepper.take = stops  # type: ignore[method-assign,assignment]
    with contextlib.suppress(KeyboardInterrupt):
        train_tracks(CONFIG, TRACKS, folder / "tracks-in-parts", schedule=schedule, held_out=2)
    TrackStepper.take = take  # type: ignore[method-assign]
    train_tracks(CONFIG, TRACKS, folder / "tracks-in-parts", schedule=schedule, held_out=2)


def _note(folder: Path, word: str) -> None:
    with (folder / "told-of-tracks.txt").open("a", encoding="utf-8") as file:
        file.write(f"{word}\n")
