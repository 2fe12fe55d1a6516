"""A result of ``edgelpr bench``: its runs, and what holds for all of them.

``benchmarks/bench-result.schema.json`` is the JSON Schema of these classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from edgelpr.benchmarks.bench.plain import from_plain, schema_of, to_plain
from edgelpr.benchmarks.bench.run import Run
from edgelpr.errors import DataError
from edgelpr.types import Scenario, Scope

SCHEMA = 1
"""Version of the file; what changes the meaning of a field raises it."""

KIND: Literal["edgelpr-bench"] = "edgelpr-bench"
"""Tells these files from other JSON."""


@dataclass(frozen=True)
class Failure:
    """A scenario that did not finish."""

    scenario: Scenario
    """Which."""

    scope: Scope
    """Of what."""

    batch: int
    """Plates a call."""

    calls: int
    """That had come back before, those of warming up among them; their times are not kept."""

    error: str
    """What the engine said."""

    model: str | None = None
    """Name of what failed, as ``Run.model`` has it; None in older results."""

    def __str__(self) -> str:
        """In a line: what, after how much, and why."""
        whose = "" if self.model is None else f"{self.model}: "
        calls = f"{self.calls} call{'' if self.calls == 1 else 's'}"
        return f"{whose}{self.scenario}, {self.scope}, batch {self.batch} failed after {calls} ({self.error})"


@dataclass(frozen=True)
class Layer:
    """One operator in a profile."""

    name: str
    """In the graph."""

    operator: str
    """Kind of operator; empty where the engine does not tell."""

    microseconds: float
    """Median of a pass."""


@dataclass(frozen=True)
class Profile:
    """Where the time of one pass goes; measuring it costs time, so its sum is no latency."""

    backend: str
    """Inference engine."""

    precision: str
    """Arithmetic of the network."""

    batch: int
    """Plates a call."""

    layers: tuple[Layer, ...]
    """In the order of the graph."""


@dataclass(frozen=True)
class Peaks:
    """What the device does at most; see ``edgelpr.benchmarks.roofline``."""

    device: str
    """As ``Run.device`` names it."""

    flops: float
    """Operations a second in fp32; a multiply-add is two."""

    int8_operations: float | None
    """Operations a second in int8; None where it is not known."""

    bytes_per_second: float
    """Of its memory."""

    source: str
    """Measured or published, and how."""

    measured: Mapping[str, str] | None = None
    """When, ISO 8601, UTC, of ``fp32``, ``int8`` and ``memory``, each at the latest; None: published, or not known."""

    def __post_init__(self) -> None:
        rates = (self.flops, self.bytes_per_second, self.int8_operations)
        if any(rate is not None and rate <= 0 for rate in rates):
            raise DataError(f"peaks of {self.device} are {rates}; expected rates above 0")


@dataclass(frozen=True)
class BenchResult:
    """A result file."""

    edgelpr_version: str
    """That measured."""

    when: str
    """Start, ISO 8601, UTC."""

    machine: Mapping[str, Any]
    """As ``environment.describe_environment`` gives it, with ``before`` and ``after``."""

    runs: tuple[Run, ...]
    """In the order measured."""

    interrupted: bool = False
    """Whether it did not reach its end: Ctrl-C, or the file is of one that was still going on."""

    failures: tuple[Failure, ...] = ()
    """What did not finish."""

    profiles: tuple[Profile, ...] = ()
    """With ``--profile``."""

    schema: int = SCHEMA
    """Of the file."""

    kind: Literal["edgelpr-bench"] = KIND
    """Of the file."""

    notes: tuple[str, ...] = ()
    """What else is to be known about the whole."""

    peaks: tuple[Peaks, ...] = ()
    """Of the devices, where they were measured or are known."""

    cut_short: bool | None = None
    """Whether the last run is shorter than it was to be; None in older results, which do not say: where they were interrupted
    it may be."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; ``from_dict`` takes them back."""
        plain: dict[str, Any] = to_plain(self)
        return {"schema": plain["schema"], "kind": plain["kind"]} | plain

    @classmethod
    def from_dict(cls, values: Any, where: str = "result") -> BenchResult:
        """Build from plain values.

        Raises:
            DataError: another kind of file, of a newer schema, or a key or a value that does not fit.
        """
        if not isinstance(values, dict) or values.get("kind") != KIND:
            raise DataError(f"{where}: is no result of 'edgelpr bench' (expected an object with kind '{KIND}')")
        schema = values.get("schema")
        if type(schema) is int and schema > SCHEMA:
            version = values.get("edgelpr_version", "a newer version")
            raise DataError(
                f"{where}: has schema {schema}, written by edgelpr {version}; this version reads up to {SCHEMA}. Upgrade "
                "edgelpr (pip install --upgrade edgelpr), or measure again with this version"
            )
        if type(schema) is not int or schema < 1:
            raise DataError(f"{where}: schema is {schema!r}; expected {SCHEMA}")
        return from_plain(cls, values, where)


def result_schema() -> dict[str, Any]:
    """The published JSON Schema of a result file."""
    schema = schema_of(BenchResult)
    schema["properties"]["schema"] = {"const": SCHEMA}
    schema["required"] += ["schema", "kind"]
    title = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Result of edgelpr bench"}
    return title | schema
