"""What two runs must have in common before their times may be held against each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from edgelpr.benchmarks.bench.result import BenchResult
from edgelpr.benchmarks.bench.run import Run

_PACKAGES: Mapping[str, tuple[str, ...]] = {
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu"),
    "torch": ("torch",),
    "tensorrt": ("tensorrt",),
    "tensorrt-rtx": ("tensorrt-rtx",),
}
_EVERYWHERE = ("numpy", "opencv-python-headless", "opencv-python")
_MACHINE = ("processor", "instructions", "cores", "system", "board", "l4t", "driver", "gpus")


@dataclass(frozen=True)
class Difference:
    """One thing that two runs do not have in common."""

    field: str
    """Name, as ``--across`` takes it."""

    first: str
    """In the one."""

    second: str
    """In the other."""

    subject: bool
    """Whether comparing it is the point, so that it needs no permission."""

    @property
    def text(self) -> str:
        """For people: ``scope is network only in one, end to end in the other``."""
        return f"{self.field} is {self.first} in one, {self.second} in the other"


@dataclass(frozen=True)
class Side:
    """A run and the result that it stands in."""

    result: BenchResult
    """With the machine."""

    run: Run
    """One of its runs."""


SUBJECTS = ("precision", "backend", "edgelpr", "engine")
"""What comparing is about: these may differ, and are named.

An engine is among them: TensorRT chooses by timing, so that one built anew from the same graph is never the same file. A build
server that builds, measures and compares could not do so if that were refused; it is named, and ``doubts`` warns of it.
"""


def _model(side: Side) -> Any:
    model = side.run.model
    return [model.name, model.architecture, model.plate_format]


def _versions(side: Side) -> Any:
    found = side.result.machine.get("versions", {})
    names = (*_EVERYWHERE, *_PACKAGES.get(side.run.backend, ()))
    return {"python": side.result.machine.get("python")} | {name: found[name] for name in names if name in found}


_FIELDS: Mapping[str, Callable[[Side], Any]] = {
    "scenario": lambda side: side.run.scenario,
    "scope": lambda side: side.run.scope,
    "transfers": lambda side: side.run.transfers,
    "batch": lambda side: side.run.batch,
    "model": _model,
    "graph": lambda side: side.run.model.graph_sha256,
    "weights": lambda side: side.run.model.weights_sha256,
    "engine": lambda side: side.run.model.engine_sha256,
    "threads": lambda side: side.run.threads,
    "duration": lambda side: side.run.duration,
    "crops": lambda side: side.run.crops.sha256,
    "device": lambda side: side.run.device,
    "machine": lambda side: {key: side.result.machine.get(key) for key in _MACHINE},
    "power-mode": lambda side: side.result.machine.get("power_mode"),
    "versions": _versions,
    "precision": lambda side: side.run.precision,
    "backend": lambda side: side.run.backend,
    "edgelpr": lambda side: side.result.edgelpr_version,
}


def _same_backend(first: Side, second: Side) -> bool:
    return first.run.backend == second.run.backend


def _same_file(first: Side, second: Side) -> bool:
    return _same_backend(first, second) and first.run.precision == second.run.precision


def _same_model(first: Side, second: Side) -> bool:
    """Else the model says already that the weights are others."""
    return bool(_model(first) == _model(second))


def _copies_left_out(first: Side, second: Side) -> bool:
    """Where nothing has to be copied, nothing was left out: that stands beside a time with its copies."""
    return "excluded" in (first.run.transfers, second.run.transfers)


def _one_kind_of_device(first: Side, second: Side) -> bool:
    """A GPU beside a CPU: the backend says so already."""
    return _same_backend(first, second) or None not in (first.run.threads, second.run.threads)


_UNLESS_UNKNOWN = ("transfers", "weights", "engine")
"""What older results, or one of two kinds of backends, do not tell."""

_ONLY_WHERE: Mapping[str, Callable[[Side, Side], bool]] = {
    "transfers": _copies_left_out,
    "graph": _same_file,
    "weights": _same_model,
    "engine": _same_file,
    "threads": _one_kind_of_device,
    "device": _one_kind_of_device,
}
"""Fields that tell two runs apart only where this holds."""

GUARDED = tuple(name for name in _FIELDS if name not in SUBJECTS)
"""What has to agree unless ``--across`` names it."""


def differences(first: Side, second: Side) -> tuple[Difference, ...]:
    """Everything that matters to times and is not the same.

    A graph or an engine of another precision, or for another backend, is another file by its nature; so are another backend's
    packages and its device. Weights are those of the checkpoint, the same for every precision and backend of a model. What
    one of the two does not tell of copies, weights or engine cannot be held against the other; ``doubts`` says so of copies.
    """
    found = []
    for name, value in _FIELDS.items():
        one, other = value(first), value(second)
        if name in _UNLESS_UNKNOWN and None in (one, other):
            continue
        if name in _ONLY_WHERE and not _ONLY_WHERE[name](first, second):
            continue
        if name == "versions" and not _same_backend(first, second):
            one, other = ({key: each[key] for key in each if key in one and key in other} for each in (one, other))
        if one != other:
            found.append(Difference(name, *_shown(one, other), name in SUBJECTS))
    return tuple(found)


def _shown(one: Any, other: Any) -> tuple[str, str]:
    """Both as short as they still differ: of several values only those that are not the same."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = [key for key in {**one, **other} if one.get(key) != other.get(key)]
        first, second = (", ".join(f"{key} {_text(each.get(key))}" for key in keys) for each in (one, other))
        return first, second
    if isinstance(one, list) and isinstance(other, list):
        pairs = [(left, right) for left, right in zip(one, other) if left != right]
        return " ".join(_text(left) for left, _ in pairs), " ".join(_text(right) for _, right in pairs)
    return _text(one), _text(other)


def _text(value: Any) -> str:
    if value is None:
        return "not known"
    text = ", ".join(_text(each) for each in value) or "none" if isinstance(value, list) else str(value)
    return text[:12] if len(text) == 64 and text.isalnum() else text
