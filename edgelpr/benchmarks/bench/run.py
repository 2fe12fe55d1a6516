"""One run of a result of ``edgelpr bench``: every sample, what they say, and everything that they depend on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgelpr.errors import DataError
from edgelpr.types import BenchDuration, Scenario, Scope, Transfers


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

    frames: int = 1
    """Crops that one plate is read from: 1, or the frames of a track."""

    weights_sha256: str | None = None
    """Of the checkpoint that the graph was made from, where that was at hand."""


@dataclass(frozen=True)
class Crops:
    """What was read, in rotation."""

    source: str
    """``rendered, seed 0``, or the name of the folder or file of the user's crops, without its path."""

    count: int
    """Distinct crops, or tracks where a plate is read from several frames."""

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

    data: str | None = None
    """Their name, for people; None where nobody gave one."""

    from_card: bool | None = None
    """Whether it is what the card of the weights says of a graph of this kind, not measured of the one that was timed.

    None in results of versions that did not say: measured by `bench`, copied by `bench paper`.
    """

    @property
    def surely_measured(self) -> bool:
        """Whether the network that was timed read the plates itself, as far as the result says it."""
        return self.from_card is False


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

    transfers: Transfers | None = None
    """Of ``network only``: whether the copies are in it. None in ``end to end``, where they always are, and in older results,
    which do not tell."""

    def __post_init__(self) -> None:
        if not self.samples_ns or min(self.samples_ns) <= 0:
            raise DataError(f"{self.scenario}, {self.scope}: expected at least one sample, and each above 0 ns")
