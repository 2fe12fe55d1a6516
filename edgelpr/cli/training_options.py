"""The settings of ``edgelpr train`` that a recipe can hold too; each leaves the recipe's value when it is not given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, get_args

import click

from edgelpr.types import Classifier, Optimiser, RateSchedule, Stages

_F = TypeVar("_F", bound=Callable[..., Any])
_FILE = click.Path(dir_okay=False, path_type=Path)


def _setting(name: str, kind: click.Choice[str] | type, text: str) -> Callable[[_F], _F]:
    return click.option(name, type=kind, default=None, help=text)


_SETTINGS = (
    _setting("--architecture", str, "Network, see `edgelpr models`.  [default: hpa-nano]"),
    _setting("--classifier", click.Choice(get_args(Classifier)), "Table 4 of the HPA paper.  [default: shared]"),
    _setting("--steps", int, "Optimiser steps.  [default: 10000]"),
    _setting("--batch", int, "Crops a step, of all processes together.  [default: 96]"),
    _setting("--accumulate", int, "Parts a step's crops are worked through in, for small memories.  [default: 1]"),
    _setting("--optimizer", click.Choice(get_args(Optimiser)), "rmsprop with 2e-5 is the paper's.  [default: adamw]"),
    _setting("--learning-rate", float, "Highest learning rate.  [default: 0.002]"),
    _setting("--learning-rate-schedule", click.Choice(get_args(RateSchedule)), "After the warm-up.  [default: cosine]"),
    _setting("--warmup", int, "Steps of warm-up, in every stage.  [default: 300]"),
    _setting(
        "--stages",
        click.Choice(get_args(Stages)),
        "Table 5 of the paper: + trains together, > one after the other, what was trained before being frozen; S semantic "
        "network, P position network, C classifier. Quote the >.  [default: S+P+C]",
    ),
    _setting("--stage-steps", str, "Steps of each stage, e.g. 4000,2000,4000.  [default: equal shares]"),
    _setting("--semantic-weight", float, "Weight of the semantic loss, 0 to leave it out (table 6).  [default: 1]"),
    _setting("--position-weight", float, "Weight of the position loss, 0 to leave it out (table 6).  [default: 1]"),
    _setting("--distillation-weight", float, "Weight of learning the --teacher's class scores.  [default: 0]"),
    _setting("--distillation-maps-weight", float, "Weight of learning the --teacher's HPA maps.  [default: 0]"),
    _setting("--distillation-temperature", float, "Softens class scores before they are compared.  [default: 2]"),
    _setting("--pool", int, "Rendered plates to keep on the disk and take in turn, 8 KB each; 0: none.  [default: 0]"),
    click.option(
        "--track-frames/--single-plates",
        default=None,
        help="Take frames of rendered tracks, as iq-stan trains on, for a reader of single frames; where characters are is not "
        "known in them, so start from a trained network (--start-from).  [default: single plates]",
    ),
    _setting("--real-share", float, "Share of real crops, 0 to 1.  [default: 0]"),
    _setting("--real-weights", str, "How often each --real set is drawn, e.g. 2,1.  [default: equally often]"),
    click.option(
        "--quantisation-aware/--exact",
        default=None,
        help="Round weights and activations as INT8 will, so that the network learns to bear it; for the last steps of a run "
        "(--start-from).  [default: exact]",
    ),
    click.option("--half/--full", default=None, help="Half precision where it is safe, or float32.  [default: full]"),
    click.option(
        "--transfer/--same-plates",
        default=None,
        help="Let --start-from be a checkpoint for another plate format: characters both have are taken over.  "
        "[default: same plates]",
    ),
    _setting("--seed", int, "Decides weights and samples.  [default: 0]"),
)


def setting_options(function: _F) -> _F:
    """``**settings``: fields of ``TrainingConfig`` by name, None where not given."""
    for option in reversed(_SETTINGS):
        function = option(function)
    return function


_CHECKPOINTS = (
    click.option("--start-from", type=_FILE, help="Checkpoint, or name of weights, to start from instead of fresh weights."),
    click.option(
        "--backbone-weights", type=_FILE, help="torchvision ResNet (.pth, .safetensors) for the backbone of a fresh network."
    ),
    click.option(
        "--teacher",
        type=_FILE,
        help="Checkpoint, or name of weights, of a larger network to learn from; see --distillation-weight.",
    ),
)


def checkpoint_options(function: _F) -> _F:
    """``start_from``, ``backbone_weights`` and ``teacher``, each ``Path | None``."""
    for option in reversed(_CHECKPOINTS):
        function = option(function)
    return function


_WORK = (
    click.option(
        "--pool-folder",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder of the pool; runs that name the same one share it.  [default: the run's folder]",
    ),
    click.option("--workers", type=click.IntRange(min=0), default=1, show_default=True, help="Processes that prepare crops."),
    click.option("--device", type=click.Choice(("cpu", "cuda")), default="cpu", show_default=True),
    click.option(
        "--save-every",
        type=click.IntRange(min=1),
        default=250,
        show_default=True,
        help="Steps between saved states, and between validations.",
    ),
    click.option("--tensorboard", is_flag=True, help="Write event files for TensorBoard too; needs the extra 'tensorboard'."),
)


def work_options(function: _F) -> _F:
    """Fields of ``Schedule`` by name, which do not change the result."""
    for option in reversed(_WORK):
        function = option(function)
    return function
