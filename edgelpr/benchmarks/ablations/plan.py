"""Which networks the ablations train, and on what."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from edgelpr.benchmarks.experiments.recipes import find_paper_recipe, read_paper_recipe
from edgelpr.training.config import TrainingConfig
from edgelpr.types import StageBudget

TABLES = (4, 5, 6)
"""The paper's ablations; their rows are the variants in ``weights/recipes/paper/table*.yaml``."""


@dataclass(frozen=True)
class Ablated:
    """One network to train; a row of one table or the common row of several."""

    name: str
    """Names its runs."""

    settings: Mapping[str, Any]
    """What differs from the full method: settings of ``TrainingConfig``."""

    budget: StageBudget = "each"
    """Matters where stages are trained one by one."""

    @property
    def stages(self) -> int:
        """How many are trained one after the other."""
        return str(self.settings.get("stages", "")).count(">") + 1


@dataclass(frozen=True)
class Plan:
    """What all runs have in common."""

    steps: int = 2500
    """Optimiser steps of joint training."""

    batch: int = 16
    """Crops a step; small, because few crops have to do: at equal crops it learns faster than 32 or 64."""

    plates: int = 1300
    """Rendered plates that train, the same for every run; about two subsets of AOLP."""

    test_plates: int = 2000
    """Other rendered plates that test, the same for every run."""

    learning_rate: float = 2e-3
    """Of AdamW, our own recipe."""

    architecture: str = "hpa-nano"
    """Network."""

    plate_format: str = "aolp"
    """Taiwanese plates."""

    backbone: str = "hpa-nano-cn-rendered"
    """Shipped weights whose backbone every network begins with, as the paper's begin with ImageNet's; empty for none."""

    train_seed: int = 41
    """Decides the plates that train."""

    test_seed: int = 42
    """Decides the plates that test."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    def config(self, network: Ablated, seed: int) -> TrainingConfig:
        """The configuration of one run."""
        steps = self.steps * (network.stages if network.budget == "each" else 1)
        return TrainingConfig(
            architecture=self.architecture,
            steps=steps,
            batch=self.batch,
            learning_rate=self.learning_rate,
            warmup=self.steps // 10 if network.budget == "each" else self.steps // (10 * network.stages),
            averaging=0.99,
            pool=self.plates,
            seed=seed,
            **network.settings,
        )


@cache
def networks() -> tuple[Ablated, ...]:
    """Every network of the three tables once; those trained one by one with both budgets."""
    found: dict[str, Ablated] = {}
    for table in TABLES:
        for name, _, settings in rows(table):
            found.setdefault(_key(settings), Ablated(name, settings))
    twice = [Ablated(f"{n.name}-same-steps", n.settings, "all") for n in found.values() if n.stages > 1]
    return (*found.values(), *twice)


@cache
def rows(table: int) -> tuple[tuple[str, str, Mapping[str, Any]], ...]:
    """Name, what the paper calls it, and settings of each row of a table."""
    recipe = read_paper_recipe(find_paper_recipe(f"table{table}"))
    return tuple((variant.name, variant.row, variant.settings) for variant in recipe.variants)


def network_of(settings: Mapping[str, Any], budget: StageBudget = "each") -> str:
    """The name of the network with these settings."""
    return next(n.name for n in networks() if _key(n.settings) == _key(settings) and n.budget == budget)


def _key(settings: Mapping[str, Any]) -> str:
    return json.dumps(dict(settings), sort_keys=True)
