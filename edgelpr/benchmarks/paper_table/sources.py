"""Where the papers' networks come from: trained weights where there are any, else random ones, which take as long."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from edgelpr.benchmarks.bench.run import Accuracy
from edgelpr.benchmarks.catalogue import FoundWeights, read_accuracy, read_weights
from edgelpr.benchmarks.paper_table.published import IQ_STAN, PUBLISHED
from edgelpr.bundle.files import hash_file
from edgelpr.errors import UsageError
from edgelpr.models.checkpoint import load_checkpoint
from edgelpr.models.hpa import create
from edgelpr.models.iq_stan import create_iq_stan
from edgelpr.models.iq_stan_checkpoint import is_iq_stan, load_iq_stan
from edgelpr.models.weights import Weights
from edgelpr.plates.format import PlateFormat
from edgelpr.plates.loading import load_plate_format

_FORMAT = "aolp"
"""Of random weights: the one whose size the paper reports."""

_SINGLE = "hpa-resnet18"
"""Reads single frames beside IQ-STAN."""


@dataclass(frozen=True)
class Source:
    """One network of a paper."""

    architecture: str
    """Our name of it."""

    title: str
    """For people: the weights' name, or that they are random."""

    make: Callable[[], Any]
    """Builds it, the same each time, in evaluation mode."""

    sha256: str | None = None
    """Of the weights; None of random ones."""

    card: Sequence[Mapping[str, Any]] = ()
    """What their card says of accuracy, an entry a data set."""

    beside: Source | None = None
    """Of a network that reads tracks: the one of single crops that reads each frame beside it."""

    def accuracy(self, backend: str, precision: str) -> Accuracy | None:
        """As the card has it: of the data set with the most plates, with this engine and precision; None where it has none."""
        found = [entry for entry in self.card if (entry.get("backend"), entry.get("precision")) == (backend, precision)]
        whole = [entry for entry in found if type(entry.get("plates")) is int and type(entry.get("correct")) is int]
        best = max(whole, key=lambda entry: entry["plates"], default=None)
        if best is None or best["plates"] < 1:
            return None
        data = best.get("data")
        name = data if isinstance(data, str) else None
        return Accuracy(best["plates"], best["correct"], str(best.get("data_sha256", "")), name, from_card=True)


def choose_sources(names: Sequence[str], weights: Sequence[Weights]) -> list[Source]:
    """The networks that a user names; all of the papers' where none is named.

    Raises:
        UsageError: a network that no paper times.
        CheckpointError: weights that are damaged.
    """
    unknown = [name for name in names if name not in PUBLISHED]
    if unknown:
        raise UsageError(f"network '{unknown[0]}' is in neither paper; choose among {', '.join(PUBLISHED)}")
    return find_sources([name for name in PUBLISHED if not names or name in names], weights)


def find_sources(architectures: Sequence[str], weights: Sequence[Weights]) -> list[Source]:
    """A source for each network.

    Args:
        architectures: names of ``PUBLISHED``.
        weights: what ``find_weights`` gave.

    Raises:
        CheckpointError: weights that are damaged.
    """
    tracks = {item.path for item in weights if is_iq_stan(item.path)}
    found = [read_weights(item) for item in weights if item.path not in tracks]
    mine = next((item for item in weights if item.path in tracks), None)
    return [_tracks(mine, _single(_SINGLE, found)) if name == IQ_STAN else _single(name, found) for name in architectures]


def _single(name: str, found: Sequence[FoundWeights]) -> Source:
    """A network of single crops."""
    mine = [each for each in found if (each.metadata.architecture, each.metadata.classifier) == (name, "shared")]
    if not mine:
        return Source(name, f"{name} (random weights)", _drawing(partial(create, name)))
    path = mine[0].weights.path
    return Source(name, mine[0].weights.name, _loading(path), hash_file(path)[0], mine[0].accuracy)


def _loading(path: Path) -> Callable[[], Any]:
    return lambda: load_checkpoint(path).eval()


def _drawing(create_it: Callable[[PlateFormat], Any]) -> Callable[[], Any]:
    def make() -> Any:
        torch.manual_seed(0)
        return create_it(load_plate_format(_FORMAT)).eval()

    return make


def _tracks(weights: Weights | None, beside: Source) -> Source:
    """The same work whatever the weights: every character is a step of its own."""
    if weights is None:
        return Source(IQ_STAN, f"{IQ_STAN} (random weights)", _drawing(create_iq_stan), beside=beside)
    path, card = weights.path, read_accuracy(weights.card)
    return Source(IQ_STAN, weights.name, lambda: load_iq_stan(path).eval(), hash_file(path)[0], card, beside)
