"""A result of ``edgelpr bench``: every sample, and everything that the figures depend on.

``benchmarks/bench-result.schema.json`` is the JSON Schema of these classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from edgelpr.benchmarks.bench.plain import from_plain, schema_of, to_plain
from edgelpr.errors import DataError
from edgelpr.types import BenchDuration, Scenario, Scope

SCHEMA = 1
"""Version of the file; what changes the meaning of a field raises it."""

KIND: Literal["edgelpr-bench"] = "edgelpr-bench"
"""Tells these files from other JSON."""


@dataclass(frozen=True)
class Model:
    """Which network was timed; what is not known of it is None."""

    name: str
    """For people."""

    architecture: str | None = None
    """Name on the command line, as ``hpa-resnet18``."""

    plate_format: str | None = None
    """Its name."""

    graph_sha256: str | None = None
    """Of the ONNX file, or of the weights where the backend computes with those."""

    engine_sha256: str | None = None
    """Of the engine that TensorRT built."""

    multiply_adds: int | None = None
    """For one plate."""

    parameters: int | None = None
    """What is deployed."""

    compulsory_bytes: int | None = None
    """Weights, input and output in fp32, for one plate: what has to travel however well layers are fused."""


@dataclass(frozen=True)
class Crops:
    """What was read, in rotation."""

    source: str
    """``rendered, seed 0``, or the name of the folder or file of the user's crops, without its path."""

    count: int
    """Distinct crops."""

    sha256: str
    """Over their sizes and pixels."""


@dataclass(frozen=True)
class WarmUp:
    """Calls before the first sample; see ``warming``."""

    calls: int
    """How many."""

    seconds: float
    """How long."""

    steady: bool
    """Whether a steady state was found; else the bound was reached."""


@dataclass(frozen=True)
class Figures:
    """What the samples say, and only what their number supports."""

    p50_ms: float
    """Median of a sample."""

    p90_ms: float | None
    """None with fewer than 64 samples."""

    p99_ms: float | None
    """None with fewer than 662 samples."""

    mean_ms: float
    """Of all samples: none is dropped."""

    plates_per_second: float
    """All plates over the sum of all samples."""

    variation: float
    """Coefficient of variation."""


@dataclass(frozen=True)
class CacheAudit:
    """Whether the caches flatter what is read twice; both sides read the same crops equally often."""

    one_crop_ms: float
    """Each crop repeated."""

    rotation_ms: float
    """The crops in rotation."""

    gain: float
    """By which share repeating is faster; above 0.1 is warned of."""


@dataclass(frozen=True)
class Accuracy:
    """Of the very engine that was timed."""

    plates: int
    """How many were read."""

    correct: int
    """Whole plates."""

    data_sha256: str
    """Of the labelled plates."""


@dataclass(frozen=True)
class Run:
    """One scenario with one model."""

    model: Model
    """What was timed."""

    backend: str
    """Inference engine, by its short name."""

    runtime: str
    """The same for people: version, device, threads."""

    device: str
    """``CPU``, ``CUDA`` or the name of a GPU."""

    precision: str
    """Arithmetic of the network."""

    scenario: Scenario
    """How plates came."""

    scope: Scope
    """What a sample covers."""

    batch: int
    """Plates a call."""

    threads: int | None
    """Processor threads of one call; None where nobody set them."""

    duration: BenchDuration
    """How long it was to last."""

    crops: Crops
    """What was read."""

    warm_up: WarmUp
    """What came before the first sample."""

    samples_ns: tuple[int, ...]
    """Every sample in the order taken: a call, in ``offline`` a pass over all crops, in ``cold-start`` a process."""

    plates: int
    """In all samples together."""

    seconds: float
    """From the first sample to the end of the last."""

    summary: Figures
    """Of the samples."""

    cache_audit: CacheAudit | None = None
    """Only for ``single-stream``."""

    warnings: tuple[str, ...] = ()
    """Why a figure may not say what it seems to."""

    disturbances: tuple[str, ...] = ()
    """What else the machine did meanwhile."""

    gpu_ms: Mapping[str, float] | None = None
    """Medians by events of the device, where the backend takes them."""

    parts_ms: Mapping[str, float] | None = None
    """Of a cold start, medians: ``importing``, ``opening``, ``first_reading``."""

    energy_joules_per_plate: float | None = None
    """Of the whole device or board while the samples were taken; None where the machine does not tell."""

    accuracy: Accuracy | None = None
    """Of the same engine."""

    def __post_init__(self) -> None:
        if not self.samples_ns or min(self.samples_ns) < 0:
            raise DataError(f"{self.scenario}, {self.scope}: expected at least one sample, and none below 0 ns")


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
    """Samples before it failed; they are not kept."""

    error: str
    """What the engine said."""


@dataclass(frozen=True)
class Layer:
    """One operator in a profile."""

    name: str
    """In the graph."""

    operator: str
    """Kind of operator."""

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
    """Whether the user stopped it: the last run is then shorter than it was to be."""

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
