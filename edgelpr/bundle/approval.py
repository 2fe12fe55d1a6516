"""What `edgelpr verify` found about one precision on one inference engine; it decides whether the runtime reads with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, get_args

from edgelpr.bundle.checking import checked_keys, chosen, hexadecimal_hash, number, typed
from edgelpr.bundle.schemas import SCHEMA
from edgelpr.errors import BundleError
from edgelpr.types import Precision, TrackOrigin

LEAST_PLATES = 64
"""Plates that an approval has to rest on: where none of 64 is lost, 95 % exclude no more than a loss above 5.7 points."""

DEVICES_OF_ONNXRUNTIME = {"CPUExecutionProvider": "CPU", "CUDAExecutionProvider": "CUDA"}
"""What ``Approval.device`` calls them; of an engine that was built for a GPU see ``edgelpr.engines.identity``."""

_OPTIONAL = ("engine_sha256", "tracks")


@dataclass(frozen=True)
class Approval:
    """A verdict on one graph file, one engine and one set of labelled plates.

    Raises:
        BundleError: a field out of range, or fields that contradict each other.
    """

    precision: Precision
    """Which precision was verified."""

    backend: str
    """The inference engine it was verified on; one that this version does not know approves nothing here."""

    graph_sha256: str
    """Hash of the graph file; the verdict is void for any other file."""

    approved: bool
    """Whether the loss was within what was allowed."""

    plates: int
    """Labelled plates that were read."""

    correct: int
    """Plates read right in this precision."""

    correct_fp32: int
    """Plates read right in fp32."""

    evidence: int
    """Different pictures among the plates that fp32 reads right: what it misreads cannot be lost, and a copy tells nothing."""

    loss_points: float
    """Whole-plate accuracy of fp32 less that of this precision, in percentage points; negative where it reads better."""

    loss_interval: tuple[float, float]
    """Its 95 % interval, in percentage points."""

    max_loss: float
    """The loss that was allowed, in percentage points."""

    data_sha256: str
    """Hash of the labelled plates."""

    instruction_set: str
    """Of the processor it was verified on, as ``edgelpr.runtime.instructions`` names it."""

    portable: bool
    """Whether readings do not depend on the instruction set, so that the verdict holds on other processors too."""

    device: str
    """What computed: ``CPU``, ``CUDA``, or GPU, board and version of TensorRT; on another the sums differ."""

    least_plates: int
    """How many plates this verdict had to rest on, to approve."""

    selected: bool
    """Whether some of the plates chose which layers the graph keeps in higher precision: it then reads them too well."""

    runtime: str
    """Engine, version, device and threads, for people."""

    engine_sha256: str | None = None
    """Hash of the plan that read; another build may have taken other kernels. None where nothing was built."""

    tracks: TrackOrigin | None = None
    """Of a bundle that reads tracks: whether those that were read were filmed or made from single crops; None of crops."""

    def __post_init__(self) -> None:
        where = f"approval of {self.precision} on {self.backend}"
        hexadecimal_hash(self.graph_sha256, f"{where}: graph_sha256")
        hexadecimal_hash(self.data_sha256, f"{where}: data_sha256")
        if self.engine_sha256 is not None:
            hexadecimal_hash(self.engine_sha256, f"{where}: engine_sha256")
        if not (0 <= self.correct <= self.plates and 0 <= self.correct_fp32 <= self.plates and self.plates > 0):
            counts = f"{self.correct} and {self.correct_fp32} of {self.plates} plates"
            raise BundleError(f"{where}: {counts} read right; expected at least one plate, and no more right than read")
        if not 0 <= self.evidence <= self.correct_fp32:
            raise BundleError(f"{where}: evidence of {self.evidence} pictures; fp32 reads {self.correct_fp32} plates right")
        low, high = self.loss_interval
        for value in (self.loss_points, low, high, self.max_loss):
            number(value, f"{where}: losses")
        if low > high or self.max_loss < 0:
            raise BundleError(f"{where}: loss {low} to {high}, allowed {self.max_loss}; expected low to high, and 0 or more")
        for text in (self.backend, self.device, self.instruction_set, self.runtime):
            if not text.isprintable():  # it is shown on terminals, which control characters would steer
                raise BundleError(f"{where}: found {text[:40]!a}; expected a text in one line without control characters")
        if self.least_plates < 1:
            raise BundleError(f"{where}: least_plates is {self.least_plates}; expected 1 or more")

    @property
    def subject(self) -> tuple[str, ...]:
        """What it is a verdict on, but for the graph file: a bundle keeps one of each."""
        return self.precision, self.backend, self.device, self.data_sha256, self.engine_sha256 or ""

    @property
    def counts(self) -> bool:
        """Whether it can approve: on enough evidence, and on plates of which none chose the graph's layers."""
        return self.evidence >= self.least_plates and not self.mostly_misread and not self.selected

    @property
    def mostly_misread(self) -> bool:
        """Whether fp32 reads fewer than half of the plates right: labels, crops or bundle are then hardly as they should be."""
        return 2 * self.correct_fp32 < self.plates

    @property
    def evidence_in_words(self) -> str:
        """How much it rests on, for messages."""
        plates = f"{self.evidence} plate{'' if self.evidence == 1 else 's'}"
        if self.evidence == self.plates:
            return plates
        return f"{plates} (of {self.plates}, those that fp32 reads right and that are not copies of each other)"

    @property
    def loss_in_words(self) -> str:
        """How it read beside fp32, for messages."""
        low, high = self.loss_interval
        return (
            f"read {self.correct} of {self.plates} plates right where fp32 read {self.correct_fp32}: a loss of "
            f"{self.loss_points:.2f} points (95 % interval {low:.2f} to {high:.2f}; allowed {self.max_loss:g})"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; ``from_dict`` takes them back. What does not apply is left out."""
        plain = asdict(self) | {"loss_interval": list(self.loss_interval)}
        return {key: value for key, value in plain.items() if key not in _OPTIONAL or value is not None}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], where: str = "approval", schema: int = SCHEMA) -> Approval:
        """Build from plain values.

        Args:
            values: as ``to_dict`` gives them.
            where: what to call it in messages.
            schema: of the manifest that holds it; before 3, plates were not counted and the device stood in ``runtime``.

        Raises:
            BundleError: a missing or an unknown key, or a value that does not fit.
        """
        values = typed(values, dict, where)
        if schema < 3:
            values = _of_schema_2(values)
        values = checked_keys({**dict.fromkeys(_OPTIONAL), **values}, [field.name for field in fields(cls)], where)
        engine, tracks = values["engine_sha256"], values["tracks"]
        return cls(
            precision=chosen(values["precision"], get_args(Precision), f"{where}: precision"),
            backend=typed(values["backend"], str, f"{where}: backend"),
            graph_sha256=hexadecimal_hash(values["graph_sha256"], f"{where}: graph_sha256"),
            approved=typed(values["approved"], bool, f"{where}: approved"),
            plates=typed(values["plates"], int, f"{where}: plates"),
            correct=typed(values["correct"], int, f"{where}: correct"),
            correct_fp32=typed(values["correct_fp32"], int, f"{where}: correct_fp32"),
            evidence=typed(values["evidence"], int, f"{where}: evidence"),
            loss_points=number(values["loss_points"], f"{where}: loss_points"),
            loss_interval=_interval(values["loss_interval"], f"{where}: loss_interval"),
            max_loss=number(values["max_loss"], f"{where}: max_loss"),
            data_sha256=hexadecimal_hash(values["data_sha256"], f"{where}: data_sha256"),
            instruction_set=typed(values["instruction_set"], str, f"{where}: instruction_set"),
            portable=typed(values["portable"], bool, f"{where}: portable"),
            device=typed(values["device"], str, f"{where}: device"),
            least_plates=typed(values["least_plates"], int, f"{where}: least_plates"),
            selected=typed(values["selected"], bool, f"{where}: selected"),
            runtime=typed(values["runtime"], str, f"{where}: runtime"),
            engine_sha256=None if engine is None else hexadecimal_hash(engine, f"{where}: engine_sha256"),
            tracks=None if tracks is None else chosen(tracks, get_args(TrackOrigin), f"{where}: tracks"),
        )


def _of_schema_2(values: Mapping[str, Any]) -> Mapping[str, Any]:
    runtime = str(values.get("runtime"))
    device = next((device for provider, device in DEVICES_OF_ONNXRUNTIME.items() if provider in runtime), "CPU")
    added = {"device": device, "least_plates": LEAST_PLATES, "selected": False}
    return {**added, "evidence": values.get("correct_fp32"), **values}


def _interval(value: Any, where: str) -> tuple[float, float]:
    sides = [number(side, where) for side in typed(value, list, where)]
    if len(sides) != 2:
        raise BundleError(f"{where}: found {len(sides)} numbers; expected 2")
    return sides[0], sides[1]
