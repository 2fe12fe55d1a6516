"""The plates of an experiment: its splits, and even samples of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from edgelpr.benchmarks.experiments.recipes import PaperRecipe
from edgelpr.data.folds import Fold, paper_folds
from edgelpr.data.labels import read_labels
from edgelpr.errors import UsageError

QUICK_TEST = 200
"""Plates that a smoke run is tested on, at most."""

_T = TypeVar("_T")


def experiment_folds(recipe: PaperRecipe, data: Path, test_data: Path | None = None) -> tuple[Fold, ...]:
    """What trains and what tests.

    Args:
        recipe: of the experiment.
        data: the data set; the one that trains, where another one tests.
        test_data: the one that tests, where another one trains.

    Raises:
        UsageError: a second data set is missing, or was named without need.
        DataError: the data are not laid out as expected.
    """
    if recipe.trained_on is None:
        if test_data is not None:
            raise UsageError(f"{recipe.experiment}: its plates both train and test; leave --test-data out")
        return paper_folds(recipe.data, read_labels(data, recipe.data), recipe.seed)
    if test_data is None:
        raise UsageError(
            f"{recipe.experiment}: trains on one data set and tests on another; name {recipe.trained_on} with --data and "
            f"{recipe.data} with --test-data"
        )
    (trained,) = paper_folds(recipe.trained_on, read_labels(data, recipe.trained_on), recipe.seed)
    tested = paper_folds(recipe.data, read_labels(test_data, recipe.data), recipe.seed)
    return tuple(replace(fold, train=trained.train) for fold in tested)


def evenly(items: Sequence[_T], most: int) -> tuple[_T, ...]:
    """At most so many, spread over all of them."""
    if len(items) <= most:
        return tuple(items)
    return tuple(items[number * len(items) // most] for number in range(most))
