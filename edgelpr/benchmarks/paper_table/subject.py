"""What is timed beside the papers, one thing at a time, and what a user wants of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, get_args

from edgelpr.benchmarks.bench.reader import Reader
from edgelpr.benchmarks.bench.run import Accuracy, Model
from edgelpr.benchmarks.paper_table.earlier import Earlier, Key
from edgelpr.benchmarks.paper_table.plates import Plates
from edgelpr.benchmarks.paper_table.sources import Source
from edgelpr.benchmarks.roofline import Work
from edgelpr.models.counting import count_parameters
from edgelpr.plates.format import PlateFormat
from edgelpr.types import BackendName, Precision, Scenario, Scope

Say = Callable[[str], None]
"""Takes one line about what is being done."""

EAGER: tuple[tuple[Scenario, Scope], ...] = (
    ("paper", "network only"),
    ("paper-synchronised", "network only"),
    ("single-stream", "network only"),
)
"""Of PyTorch as the papers used it, to which their protocol belongs."""

GRAPH: tuple[tuple[Scenario, Scope], ...] = (("single-stream", "network only"),)
"""Of a graph that is there to be compared with."""

READING: tuple[tuple[Scenario, Scope], ...] = (*GRAPH, ("single-stream", "end to end"))
"""Of what is deployed."""


@dataclass(frozen=True)
class Subject:
    """One thing to time."""

    model: Model
    """For the result."""

    open: Callable[[], Reader]
    """Loads it; the caller closes it."""

    backend: str
    """Inference engine."""

    precision: str
    """Arithmetic."""

    scenarios: tuple[tuple[Scenario, Scope], ...]
    """How it is timed."""

    work: Work | None = None
    """Of one call, in fp32; None where it was not counted."""

    accuracy: Accuracy | None = None
    """Of a graph of this kind in this precision, where the card says so."""

    spells: PlateFormat | None = None
    """What it reads, where its accuracy can be measured; None: weights drawn at random, or readings that nothing joins."""

    @property
    def key(self) -> Key:
        """What tells it from all others."""
        return Key(self.model.name, self.model.weights_sha256, self.backend, self.precision)


@dataclass(frozen=True)
class Wanted:
    """What a user asks for."""

    backends: tuple[BackendName, ...] = ("torch", "onnxruntime")
    """Inference engines; ``torch`` is eager, fp32."""

    precisions: tuple[Precision, ...] = get_args(Precision)
    """Of the engines that run graphs."""

    threads: int = 1
    """Processor threads."""

    device: str = "cpu"
    """Of torch: ``cpu`` or ``cuda``."""

    earlier: Earlier = field(default_factory=Earlier)
    """What need not be measured again."""

    plates: Plates | None = None
    """On which accuracy is measured; None: it is not."""

    remark: Say = lambda line: None
    """Told what belongs into the result: what could not be timed, and why."""


def model_as_published(source: Source, form: str, network: Any, work: Work, frames: int = 1) -> Model:
    """What a result says of a PyTorch network.

    Args:
        source: where its weights come from.
        form: what tells it from the same network in another form.
        network: an ``Hpa`` or an ``IqStan``.
        work: of one call.
        frames: crops that one plate is read from.
    """
    return Model(
        name=f"{source.title}, {form}",
        architecture=source.architecture,
        plate_format=network.plate_format.name,
        graph_sha256=source.sha256,
        multiply_adds=work.operations // 2,
        parameters=count_parameters(network),
        compulsory_bytes=work.compulsory_bytes,
        frames=frames,
        weights_sha256=source.sha256,
    )


def spelt_by(source: Source, network: Any) -> PlateFormat | None:
    """What a network reads, an ``Hpa`` or an ``IqStan``; None where its weights are random: it reads nothing."""
    return None if source.sha256 is None else network.plate_format
