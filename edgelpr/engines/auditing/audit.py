"""The audit: what was asked for beside what was built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, get_args

from edgelpr.bundle.checking import checked_keys, chosen, typed
from edgelpr.engines.auditing.layers import PRECISIONS, Layer
from edgelpr.engines.options import lowest
from edgelpr.engines.workspace import size_in_words
from edgelpr.errors import BuildError, BundleError
from edgelpr.types import Precision

LEAST_SHARE = 0.75
"""Of the convolutions and matrix products that were asked for in a precision, those that must have been built in it. A strongly
typed build reaches 1. An older TensorRT, 8.6, chooses what is fastest, and may leave out the first layer and a few small ones;
with a quarter left out, the engine is no longer what was verified, and seldom faster than the next precision up."""


@dataclass(frozen=True)
class EngineAudit:
    """What was found in an engine.

    Raises:
        BundleError: counts that contradict each other.
    """

    source: str
    """``inspector`` or ``log``: which of them told."""

    layers: int
    """Layers that compute."""

    by_precision: Mapping[str, int]
    """How many of them compute in each precision: int8, fp16, fp32, other, unknown."""

    reformats: int
    """Layers that only copy a tensor into another layout or type."""

    fused: int
    """Layers that compute more than one ONNX node."""

    precision: Precision
    """What was asked for."""

    asked: int
    """Convolutions and matrix products that were to be computed in it."""

    built: int
    """Those of them that are."""

    untold: int
    """Those of them of which TensorRT does not say it."""

    device_memory_bytes: int | None
    """Device memory that one inference works in; None where TensorRT does not say it."""

    def __post_init__(self) -> None:
        counts = (self.layers, self.reformats, self.fused, self.built, self.untold, *self.by_precision.values())
        if min(counts) < 0 or self.built + self.untold > self.asked or sum(self.by_precision.values()) != self.layers:
            raise BundleError(f"audit: the counts contradict each other: {asdict(self)}")

    @property
    def share(self) -> float | None:
        """Of what was asked for, as far as TensorRT tells, the share that was built, 0 to 1; None where it tells nothing."""
        told = self.asked - self.untold
        return self.built / told if told else None

    @property
    def in_words(self) -> str:
        """All of it in one line, for people."""
        counts = ", ".join(f"{count} {name}" for name, count in self.by_precision.items() if count)
        memory = "" if self.device_memory_bytes is None else f"; {size_in_words(self.device_memory_bytes)} of device memory"
        untold = f", {self.untold} not told" if self.untold else ""
        return (
            f"{self.built} of {self.asked} convolutions and matrix products in {self.precision}{untold}; {self.layers} layers "
            f"({counts}), {self.fused} fused, {self.reformats} reformats{memory}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; ``from_dict`` takes them back."""
        return asdict(self) | {"by_precision": dict(self.by_precision)}

    @classmethod
    def from_dict(cls, values: Any, where: str = "audit") -> EngineAudit:
        """Build from plain values.

        Raises:
            BundleError: a missing or an unknown key, or a value that does not fit.
        """
        values = checked_keys(values, [field.name for field in fields(cls)], where)
        memory, counts = values["device_memory_bytes"], checked_keys(values["by_precision"], PRECISIONS, where)
        return cls(
            source=chosen(values["source"], ("inspector", "log"), f"{where}: source"),
            by_precision={name: typed(counts[name], int, f"{where}: {name}") for name in PRECISIONS},
            precision=chosen(values["precision"], get_args(Precision), f"{where}: precision"),
            device_memory_bytes=None if memory is None else typed(memory, int, f"{where}: device_memory_bytes"),
            **{
                name: typed(values[name], int, f"{where}: {name}")
                for name in ("layers", "reformats", "fused", "asked", "built", "untold")
            },
        )


def audit_layers(
    layers: Sequence[Layer], asked: Sequence[str], precision: Precision, source: str, memory: int | None = None
) -> EngineAudit:
    """Count what the layers of an engine compute in.

    Args:
        layers: of the engine.
        asked: names of the ONNX nodes that were to be computed in the precision; see ``asked_nodes``.
        precision: that was asked for.
        source: ``inspector`` or ``log``.
        memory: bytes of device memory that an inference works in.
    """
    working = [layer for layer in layers if layer.works and not layer.reformats]
    found = [_computed_in(name, working) for name in asked]
    return EngineAudit(
        source=source,
        layers=len(working),
        by_precision={name: sum(layer.precision == name for layer in working) for name in PRECISIONS},
        reformats=sum(layer.reformats for layer in layers),
        fused=sum(len(layer.nodes) > 1 for layer in working),
        precision=precision,
        asked=len(asked),
        built=found.count(precision),
        untold=found.count("unknown"),
        device_memory_bytes=memory,
    )


def check_audit(audit: EngineAudit, where: str, targets: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Refuse an engine that is not what was asked for.

    Args:
        audit: of the engine.
        where: what was built, for messages.
        targets: compute capabilities that it was built for, where they were named.

    Returns:
        What a user should know, though it is no error.

    Raises:
        BuildError: less than ``LEAST_SHARE`` of what was asked for was built so.
    """
    asked, built, share = audit.asked, audit.built, audit.share
    if share is not None and share < LEAST_SHARE:
        others = ", ".join(f"{count} {name}" for name, count in audit.by_precision.items() if count)
        remedy = {"int8": "choose --precision fp16", "fp16": "choose --precision fp32", "fp32": "report it"}[audit.precision]
        whose = ""
        if len(targets) > 1:
            oldest = lowest(targets)
            whose = f"; for all of {', '.join(targets)} they are those of the oldest, {oldest}"
            remedy = f"leave {oldest} out of --target and build for it on its own, {remedy}"
        raise BuildError(
            f"{where}: asked for {audit.precision} in {asked} convolutions and matrix products, but TensorRT built {built} of "
            f"them so ({share:.0%}, at least {LEAST_SHARE:.0%} expected); its layers compute in: {others}{whose}. The engine "
            f"was not kept: {remedy}, or build with a newer TensorRT; --verbose shows what it says about every layer"
        )
    notes = []
    if audit.untold:
        notes.append(f"TensorRT does not say in which precision it built {audit.untold} of {asked} convolutions")
    if len(targets) > 1:
        notes.append(
            f"for all of {', '.join(targets)} the kernels are those of the oldest, {lowest(targets)}; an engine for one of the "
            "others alone may be faster"
        )
    return tuple(notes)


def _computed_in(name: str, layers: Sequence[Layer]) -> str:
    """The precision of the layer that computes a node: one that multiplies before one that only finishes its work."""
    naming = [layer for layer in layers if name in layer.nodes]
    known = [layer.precision for layer in sorted(naming, key=lambda layer: not layer.multiplies)]
    return known[0] if known else "unknown"
