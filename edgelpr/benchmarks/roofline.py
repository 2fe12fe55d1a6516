"""Roofline: how fast a network can be at most on a device, and what it is projected to be where it was not measured.

Model: Williams, Waterman, Patterson, "Roofline: An Insightful Visual Performance Model for Multicore Architectures", 2009.
The term for launching kernels, the fit and its error are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite

import numpy as np

_LEAST_FOR_ERROR = 4
"""Measurements: with fewer, leaving one out leaves two numbers fitted to two."""


@dataclass(frozen=True)
class Rates:
    """What a device does at most.

    Raises:
        ValueError: a rate that is not above 0.
    """

    flops: float
    """Operations a second; a multiply-add is two."""

    bytes_per_second: float
    """Of its memory."""

    source: str
    """Measured or published, and how; for people."""

    def __post_init__(self) -> None:
        if not all(isfinite(rate) and rate > 0 for rate in (self.flops, self.bytes_per_second)):
            raise ValueError(f"rates are {self.flops} operations and {self.bytes_per_second} bytes a second; expected above 0")


@dataclass(frozen=True)
class Layer:
    """One kernel's work for one call."""

    name: str
    """Of the operator."""

    operations: int
    """Arithmetic of convolutions and matrix products, a multiply-add being two; 0 elsewhere."""

    bytes: int
    """Read and written, each tensor once."""


@dataclass(frozen=True)
class Work:
    """What one call of a network has to do."""

    layers: tuple[Layer, ...]
    """In the order in which they run."""

    compulsory_bytes: int
    """Weights, input and output: what has to travel however well layers are fused."""

    @property
    def operations(self) -> int:
        """Of all layers."""
        return sum(layer.operations for layer in self.layers)

    @property
    def bytes(self) -> int:
        """Of all layers, each writing its result and the next reading it again."""
        return sum(layer.bytes for layer in self.layers)

    def scaled(self, share: float) -> Work:
        """The same with numbers of another size: a half for fp16, a quarter for int8."""
        layers = tuple(Layer(each.name, each.operations, round(each.bytes * share)) for each in self.layers)
        return Work(layers, round(self.compulsory_bytes * share))


def bound_seconds(work: Work, rates: Rates) -> float:
    """Least time for one call: all arithmetic at the peak, or all weights through the memory, whichever is longer.

    Weights that stay in a cache from one call to the next escape it: what is measured can then lie below.
    """
    return bound_seconds_of(work.operations, work.compulsory_bytes, rates)


def bound_seconds_of(operations: float, compulsory_bytes: float, rates: Rates) -> float:
    """The same from the two numbers alone."""
    return max(operations / rates.flops, compulsory_bytes / rates.bytes_per_second)


def layered_seconds(work: Work, rates: Rates) -> float:
    """Time if every layer ran at its own roof, one after the other, nothing kept in a cache."""
    return sum(max(layer.operations / rates.flops, layer.bytes / rates.bytes_per_second) for layer in work.layers)


@dataclass(frozen=True)
class Measured:
    """A network that was timed, for the fit."""

    name: str
    """Of network and graph."""

    work: Work
    """Of one call."""

    seconds: float
    """Median of a call."""


@dataclass(frozen=True)
class Fit:
    """``seconds = slowness * layered roofline + launch * kernels``, fitted to what was measured."""

    slowness: float
    """How many times as long as the layered roofline; 0 where the launches alone explain the times."""

    launch_seconds: float
    """What one more kernel costs."""

    names: tuple[str, ...]
    """What was measured."""

    errors: tuple[float, ...] | None
    """For each, projected from the others, over measured, less 1; None with fewer than four."""

    machine: str
    """What it was measured on."""

    @property
    def largest_error(self) -> float | None:
        """The largest of them, its sign dropped."""
        return None if self.errors is None else max(map(abs, self.errors))

    def seconds(self, work: Work, rates: Rates, launch_seconds: float | None = None) -> float:
        """Projected time of one call on a device with these rates.

        Args:
            work: of the call.
            rates: of the device.
            launch_seconds: what a kernel costs there; None: what it cost where the fit was made.
        """
        launch = self.launch_seconds if launch_seconds is None else launch_seconds
        return self.slowness * layered_seconds(work, rates) + launch * len(work.layers)


def fit(measured: Sequence[Measured], rates: Rates, machine: str) -> Fit | None:
    """Fit both numbers, least squares of the relative error, neither below 0.

    Args:
        measured: networks timed on one machine by one protocol.
        rates: that machine's.
        machine: for people.

    Returns:
        None with fewer than two networks: there is nothing to fit.
    """
    if len(measured) < 2:
        return None
    slowness, launch = _solve(measured, rates)
    errors = None
    if len(measured) >= _LEAST_FOR_ERROR:
        errors = tuple(_error_without(place, measured, rates) for place in range(len(measured)))
    return Fit(slowness, launch, tuple(each.name for each in measured), errors, machine)


def _error_without(place: int, measured: Sequence[Measured], rates: Rates) -> float:
    """Of one, projected from the others."""
    one = measured[place]
    slowness, launch = _solve([*measured[:place], *measured[place + 1 :]], rates)
    projected = slowness * layered_seconds(one.work, rates) + launch * len(one.work.layers)
    return projected / one.seconds - 1


def _solve(measured: Sequence[Measured], rates: Rates) -> tuple[float, float]:
    """Of the solutions with both, with the first and with the second alone, the best that has none below 0."""
    columns = np.array([[layered_seconds(each.work, rates), len(each.work.layers)] for each in measured])
    columns = columns / np.array([[each.seconds] for each in measured])
    best, found = inf, (0.0, 0.0)
    for used in ([0, 1], [0], [1]):
        solution = np.zeros(2)
        solution[used] = np.linalg.lstsq(columns[:, used], np.ones(len(columns)), rcond=None)[0]
        error = float(((columns @ solution - 1) ** 2).sum())
        if (solution >= 0).all() and error < best:
            best, found = error, (float(solution[0]), float(solution[1]))
    return found
