"""A network, a plate format and settings so small that a run takes a fraction of a second."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from edgelpr.models.checkpoint import load_checkpoint
from edgelpr.models.hpa import HpaConfig
from edgelpr.models.resnet import ResNetConfig
from edgelpr.plates.format import PlateFormat
from edgelpr.training.config import TrainingConfig
from edgelpr.training.progress import Schedule

DIGITS = PlateFormat("digits", "0123456789", 4, void=True)
QUIET = Schedule(report_every=1000, save_every=1000, workers=0)
TINY = HpaConfig(
    "hpa-small",
    ResNetConfig(depths=(1, 1, 1, 1), stem_width=8, stem_kernel=3, widths=(8, 8, 8, 8)),
    spatial_widths=(8, 8, 8),
    fusion_width=8,
    classifier_width=8,
)
NANO = replace(TINY, name="hpa-nano")
"""Under a name that the command line knows."""


def tiny_config(**changes: object) -> TrainingConfig:
    """Four steps of four crops, unless changed."""
    return TrainingConfig(**({"architecture": TINY.name, "steps": 4, "batch": 4, "warmup": 2} | changes))  # type: ignore[arg-type]


def weights_of(path: Path) -> dict[str, torch.Tensor]:
    """Tensors of a checkpoint by name."""
    return load_checkpoint(path).state_dict()


def assert_same_weights(one: Path, other: Path) -> None:
    """Two checkpoints hold the same values, to the bit."""
    expected, found = weights_of(one), weights_of(other)
    assert all(torch.equal(expected[name], found[name]) for name in expected)
