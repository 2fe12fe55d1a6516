"""What values the tensors of a graph take on real crops or tracks; memory does not grow with their number."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from edgelpr.bundle.graph import FRAMES, PRESENT
from edgelpr.calibration.histograms import Histogram, HistogramBuilder
from edgelpr.calibration.inputs import Inputs, feeds_of, rows_of
from edgelpr.calibration.running import open_checked
from edgelpr.errors import CalibrationError, in_one_line

CHUNK = 8
"""Crops, or tracks, that run at a time: the tensors of that many are in memory, whatever their number."""

Tensors = dict[str, NDArray[np.float32]]
"""Values by the tensor's name."""

_Limits = dict[str, tuple[float, float]]
_SAME_VALUES = ("Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Identity")


@dataclass(frozen=True)
class Observations:
    """Values of every float tensor of a graph."""

    tensors: Mapping[str, Histogram]
    """One histogram a tensor, by name, inputs first; a tensor that only gives another one a new shape shares its histogram."""

    crops: int
    """How many crops, or tracks, were run."""


class Probe:
    """A graph whose float tensors can be seen: float inputs, and what its nodes produce, constants included.

    ONNX Runtime's optimisations are off, so that each tensor is what the file says it is.

    Args:
        model: takes uint8 (N, H, W) or float32 (N, C, H, W), or of tracks uint8 (N, F, H, W) and uint8 (N, F).
        threads: CPU threads of ONNX Runtime; None: its default.
        only: tensors that are wanted, a small part of a large graph; None: all.

    Raises:
        CalibrationError: the graph takes something else, or ONNX Runtime refuses it.
        MissingDependencyError: ONNX Runtime is not installed.
    """

    def __init__(self, model: onnx.ModelProto, threads: int | None, only: Collection[str] | None = None) -> None:
        self._inputs = {source.name: _takes_bytes(source) for source in model.graph.input}
        if len(model.graph.input) != 1 and list(self._inputs) != [FRAMES, PRESENT]:
            found = f"the graph has {len(model.graph.input)} inputs, {', '.join(self._inputs)}"
            raise CalibrationError(f"{found}; calibration knows graphs with one, or with {FRAMES} and {PRESENT}")
        shape = model.graph.input[0].type.tensor_type.shape
        self._channels = 1 if all(self._inputs.values()) else shape.dim[1].dim_value
        self._session = open_checked(_exposed(model, only), "", "export it again", threads, optimised=False)
        floats = {output.name for output in self._session.get_outputs() if output.type == "tensor(float)"}
        produced = [
            name for node in model.graph.node for name in node.output if name in floats and (only is None or name in only)
        ]
        self._floats = [name for name, takes_bytes in self._inputs.items() if not takes_bytes]
        self._names = self._floats + produced
        self.same_as = _same_values(model, self._names)
        self._fetched = [name for name in produced if name not in self.same_as]

    @property
    def names(self) -> list[str]:
        """Names of the float tensors, inputs first, then in the order in which they are computed."""
        return self._names

    def run(self, *inputs: NDArray[np.uint8]) -> Tensors:
        """Values for a batch; tensors in ``same_as`` are left out.

        Raises:
            CalibrationError: ONNX Runtime fails, for example because crops have another size than the input.
        """
        feeds = feeds_of(self._inputs, inputs, self._channels)
        try:
            arrays = self._session.run(self._fetched, feeds)
        except Exception as error:  # ONNX Runtime's own exceptions share no public base
            raise CalibrationError(
                f"ONNX Runtime failed on {len(inputs[0])} crops of {inputs[0].shape[1:]} ({in_one_line(error)})"
            ) from error
        given = {name: feeds[name].astype(np.float32, copy=False) for name in self._floats}
        return given | dict(zip(self._fetched, arrays))


def observe(
    model: onnx.ModelProto, crops: NDArray[np.uint8], *, progress: Callable[[int, int], None], threads: int | None = None
) -> Observations:
    """Run crops twice: first for the smallest and the largest value of each tensor, then to count values between them.

    Args:
        model: an exported graph in fp32; its input is uint8 (N, H, W), or float32 (N, C, H, W) without the rewrite ``decode``.
        crops: (N, H, W) uint8, preprocessed, N at least 1.
        progress: called with how many runs of a crop are done and how many there will be, which is 2 N.
        threads: CPU threads of ONNX Runtime; None: its default.

    Raises:
        CalibrationError: no crops, ONNX Runtime refuses the graph or the crops, or a tensor holds NaN or infinity.
        MissingDependencyError: ONNX Runtime is not installed.
    """
    if crops.dtype != np.uint8 or crops.ndim != 3 or not len(crops):
        raise CalibrationError(f"crops are {crops.dtype} {crops.shape}; expected uint8 (N, H, W) with N at least 1")
    return observe_with(Probe(model, threads), crops, progress)


def observe_with(probe: Probe, crops: NDArray[np.uint8], progress: Callable[[int, int], None]) -> Observations:
    """The two passes of ``observe`` with a graph that is already open."""
    return observe_growing(probe, [(crops,)], progress)[0]


def observe_growing(probe: Probe, groups: Sequence[Inputs], progress: Callable[[int, int], None]) -> tuple[Observations, ...]:
    """What is seen on the first group of crops, on the first two, and so on, without running any crop more than twice.

    Args:
        probe: the open graph.
        groups: each what the graph takes: crops (N, H, W), or frames (N, F, H, W) and present (N, F), preprocessed.
        progress: as for ``observe``; the number is that of all crops.

    Returns:
        As many as there are groups; the last is of all crops.

    Raises:
        CalibrationError: ONNX Runtime refuses the crops, or a tensor holds NaN or infinity.
    """
    total = sum(len(group[0]) for group in groups)
    limits = _find_limits(probe, groups, lambda seen: progress(seen, 2 * total))
    return tuple(_count(probe, groups, limits, lambda seen: progress(total + seen, 2 * total)))


def _find_limits(probe: Probe, groups: Sequence[Inputs], progress: Callable[[int], None]) -> list[_Limits]:
    """The first pass: smallest and largest value of each tensor after each group."""
    limits: _Limits = {}
    after: list[_Limits] = []
    seen = 0
    for group in groups:
        for count, tensors in _chunks(probe, group):
            for name, values in tensors.items():
                _widen(limits, name, values, seen)
            tensors.clear()  # or they would stay in memory while the next ones are computed
            seen += count
            progress(seen)
        after.append(dict(limits))
    return after


def _count(
    probe: Probe, groups: Sequence[Inputs], limits: Sequence[_Limits], progress: Callable[[int], None]
) -> Iterator[Observations]:
    """The second pass; a tensor whose limits a group does not widen is counted on, in the same bins."""
    builders = {name: {each[name]: HistogramBuilder(*each[name]) for each in limits} for name in limits[-1]}
    seen = 0
    for number, group in enumerate(groups):
        for count, tensors in _chunks(probe, group):
            for name, values in tensors.items():
                for limit in dict.fromkeys(each[name] for each in limits[number:]):
                    builders[name][limit].add(values)
            tensors.clear()
            seen += count
            progress(seen)
        built = {name: builders[name][limit].build() for name, limit in limits[number].items()}
        yield Observations({name: built[probe.same_as.get(name, name)] for name in probe.names}, seen)


def _chunks(probe: Probe, inputs: Inputs) -> Iterator[tuple[int, Tensors]]:
    for start in range(0, len(inputs[0]), CHUNK):
        chunk = rows_of(inputs, slice(start, start + CHUNK))
        yield len(chunk[0]), probe.run(*chunk)


def _widen(limits: _Limits, name: str, values: NDArray[np.float32], start: int) -> None:
    low, high = float(values.min()), float(values.max())
    if not math.isfinite(high - low):
        raise CalibrationError(
            f"tensor '{name}' holds NaN or infinity on one of the crops {start + 1} to {start + CHUNK}: the fp32 graph is "
            "broken, and no range can mend that; look at those crops, then export the checkpoint again"
        )
    least, most = limits.get(name, (low, high))
    limits[name] = min(least, low), max(most, high)


def _takes_bytes(source: onnx.ValueInfoProto) -> bool:
    return bool(source.type.tensor_type.elem_type == onnx.TensorProto.UINT8)


def _exposed(model: onnx.ModelProto, only: Collection[str] | None) -> onnx.ModelProto:
    """A copy that returns what its nodes produce, or some of it."""
    exposed = onnx.ModelProto()
    exposed.CopyFrom(model)
    returned = {output.name for output in model.graph.output}
    produced = [name for node in model.graph.node for name in node.output if name and name not in returned]
    names = produced if only is None else [name for name in produced if name in only]
    exposed.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    return exposed


def _same_values(model: onnx.ModelProto, names: list[str]) -> dict[str, str]:
    """Tensors that hold the values of an earlier one in another shape, and which one that is."""
    floats, same = set(names), dict[str, str]()
    for node in model.graph.node:
        if node.op_type in _SAME_VALUES and node.input[0] in floats:
            same[node.output[0]] = same.get(node.input[0], node.input[0])
    return same
