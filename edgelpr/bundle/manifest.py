"""The manifest: what a bundle holds, as one JSON file that is understood whole or refused."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, get_args

from edgelpr.bundle.approval import Approval
from edgelpr.bundle.checking import checked_keys, chosen, hexadecimal_hash, typed
from edgelpr.bundle.files import check_relative
from edgelpr.bundle.graph import Graph, targets_of
from edgelpr.bundle.ruling import Holds, Ruling, rule
from edgelpr.bundle.schemas import SCHEMA, check_digest, check_schema, digest_of, keys_of
from edgelpr.errors import BundleError, PlateFormatError
from edgelpr.plates.format import PlateFormat
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.types import Classifier, Precision

__all__ = ["SCHEMA", "Approval", "FileRecord", "Graph", "Manifest"]


@dataclass(frozen=True)
class FileRecord:
    """What a file of the bundle must be."""

    sha256: str
    """Hash of its content, 64 lower-case hexadecimal digits."""

    bytes: int
    """Its size."""

    @classmethod
    def from_dict(cls, values: Any, where: str) -> FileRecord:
        """Build from plain values.

        Raises:
            BundleError: not a hash and a size.
        """
        values = checked_keys(values, ["sha256", "bytes"], where)
        size = typed(values["bytes"], int, where)
        if size < 0:
            raise BundleError(f"{where}: found size {size}; expected 0 or more")
        return cls(hexadecimal_hash(values["sha256"], where), size)


@dataclass(frozen=True)
class Manifest:
    """Everything a runtime must know before it reads with a bundle.

    Raises:
        BundleError: fields that contradict each other.
    """

    edgelpr_version: str
    """Version of edgelpr that wrote the bundle."""

    name: str
    """Name of the model, for people."""

    architecture: str
    """Name of the network, for example ``hpa-resnet18``."""

    classifier: Classifier
    """Which classifier the network has."""

    plate_format: PlateFormat
    """Alphabet, positions and rows."""

    preprocessing: Preprocessing
    """How a crop becomes the graphs' input."""

    graphs: tuple[Graph, ...]
    """The ONNX graphs, at most one for a precision and an engine that it was made for."""

    files: Mapping[str, FileRecord] = field(default_factory=dict)
    """Every file but the manifest and ``engines/``, by its path with forward slashes; ``write_bundle`` fills it."""

    accuracy: tuple[Mapping[str, Any], ...] = ()
    """What was measured: one entry a precision and a set of labelled crops."""

    parity: Mapping[str, Any] = field(default_factory=dict)
    """How far the graphs differ from the PyTorch network."""

    notes: Mapping[str, Any] = field(default_factory=dict)
    """Anything else worth keeping, for example the checkpoint's hash."""

    approvals: tuple[Approval, ...] = ()
    """Verdicts of ``edgelpr verify``, at most one for a precision, a backend, a device, an engine and a set of plates; without
    one, fp16 and int8 do not read."""

    schema: int = SCHEMA
    """Version of the manifest that was read; written is always the newest."""

    def __post_init__(self) -> None:
        if len({graph.frames for graph in self.graphs}) > 1:
            raise BundleError(f"manifest of '{self.name}': some graphs read crops and others tracks; expected one kind")
        # A frame of a track has a size of its own, which the architecture fixes.
        if not self.frames and self.preprocessing != Preprocessing.of(self.plate_format):
            raise BundleError(f"manifest of '{self.name}': preprocessing {self.preprocessing} contradicts the plate format")
        self._check_unique("graphs", [f"{graph.precision} for {graph.made_for}" for graph in self.graphs])
        self._check_unique("approvals", [" on ".join(approval.subject) for approval in self.approvals])
        size = (self.preprocessing.height, self.preprocessing.width)
        for graph in self.graphs:
            if graph.height_width != size:
                whose = "preprocessing" if self.frames else "plate format"
                raise BundleError(f"{graph.file}: height and width are {graph.height_width}; the {whose}'s are {size}")

    def _check_unique(self, what: str, found: Sequence[str]) -> None:
        if len(set(found)) != len(found):
            raise BundleError(f"manifest of '{self.name}': two {what} of one kind ({', '.join(found)}); expected one of each")

    @property
    def digest(self) -> str:
        """SHA-256, in hexadecimal, over what decides how plates are read and whether; tells a manifest altered by hand.

        Files have hashes of their own; name, accuracy, parity and notes decide nothing.
        """
        return digest_of(self._plain())

    @property
    def frames(self) -> int | None:
        """Frames of a track that are read together; None: the graphs read crops."""
        return self.graphs[0].frames if self.graphs else None

    @property
    def precisions(self) -> tuple[Precision, ...]:
        """Precisions that the bundle has a graph for."""
        return tuple(dict.fromkeys(graph.precision for graph in self.graphs))

    def graph(self, precision: Precision, backend: str) -> Graph | None:
        """The graph of a precision that a backend runs: one made for it before one made for any; None: there is none."""
        graphs = {graph.made_for: graph for graph in self.graphs if graph.precision == precision}
        return next((graphs[target] for target in targets_of(backend) if target in graphs), None)

    def verdicts(self, precision: Precision, backend: str) -> tuple[Approval, ...]:
        """What was found about the file that a backend runs in a precision; of another file than today's nothing counts."""
        graph = self.graph(precision, backend)
        if graph is None or graph.file not in self.files:
            return ()
        wanted = (precision, backend, self.files[graph.file].sha256)
        return tuple(each for each in self.approvals if (each.precision, each.backend, each.graph_sha256) == wanted)

    def ruling(
        self,
        precision: Precision,
        backend: str,
        device: str | None = None,
        holds: Holds = lambda verdict: True,
        engine_sha256: str | None = None,
    ) -> Ruling:
        """Whether a precision may be used on a backend, by ``edgelpr.bundle.ruling.rule``."""
        return rule(self.verdicts(precision, backend), device, holds, engine_sha256)

    @property
    def standing_approvals(self) -> tuple[Approval, ...]:
        """Those approvals whose graph file the bundle still holds."""
        held = {(graph.precision, self.files[graph.file].sha256) for graph in self.graphs if graph.file in self.files}
        return tuple(approval for approval in self.approvals if (approval.precision, approval.graph_sha256) in held)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; ``from_dict`` takes them back."""
        return self._plain() | {"digest": self.digest}

    def _plain(self) -> dict[str, Any]:
        plain = {item.name: getattr(self, item.name) for item in fields(self)}
        return (
            {"schema": SCHEMA}
            | plain
            | {
                "schema": SCHEMA,
                "plate_format": self.plate_format.to_dict(),
                "preprocessing": self.preprocessing.to_dict(),
                "graphs": [graph.to_dict() for graph in self.graphs],
                "files": {path: asdict(self.files[path]) for path in sorted(self.files)},
                "accuracy": [dict(entry) for entry in self.accuracy],
                "parity": dict(self.parity),
                "notes": dict(self.notes),
                "approvals": [approval.to_dict() for approval in self.approvals],
            }
        )

    def to_json(self) -> str:
        """The text of ``manifest.json``.

        Raises:
            BundleError: a value that JSON or UTF-8 cannot hold.
        """
        try:
            text = json.dumps(self.to_dict(), ensure_ascii=False, indent=2, allow_nan=False) + "\n"
            text.encode("utf-8")  # a file name of unknown encoding may be among the values
        except (TypeError, ValueError) as error:
            raise BundleError(f"manifest of '{self.name}': {error}; expected plain, finite values") from error
        return text

    @classmethod
    def from_dict(cls, values: Any, where: str = "manifest.json") -> Manifest:
        """Build from plain values.

        Raises:
            BundleError: written by a newer edgelpr, a key or a value that does not fit, or altered by hand.
        """
        schema = check_schema(values, where)
        values = checked_keys(values, keys_of(schema, [*(item.name for item in fields(cls)), "digest"]), where)
        graphs = typed(values["graphs"], list, f"{where}: graphs")
        files = typed(values["files"], dict, f"{where}: files")
        accuracy = typed(values["accuracy"], list, f"{where}: accuracy")
        approvals = typed(values.get("approvals", []), list, f"{where}: approvals")
        manifest = cls(
            schema=schema,
            edgelpr_version=typed(values["edgelpr_version"], str, f"{where}: edgelpr_version"),
            name=typed(values["name"], str, f"{where}: name"),
            architecture=typed(values["architecture"], str, f"{where}: architecture"),
            classifier=chosen(values["classifier"], get_args(Classifier), f"{where}: classifier"),
            plate_format=_plate_format(values["plate_format"], f"{where}: plate_format"),
            preprocessing=Preprocessing.from_dict(typed(values["preprocessing"], dict, f"{where}: preprocessing"), where),
            graphs=tuple(Graph.from_dict(graph, f"{where}: graph {number}") for number, graph in enumerate(graphs, 1)),
            files={check_relative(path, where): FileRecord.from_dict(files[path], f"{where}: {path}") for path in files},
            accuracy=tuple(typed(entry, dict, f"{where}: accuracy") for entry in accuracy),
            parity=typed(values["parity"], dict, f"{where}: parity"),
            notes=typed(values["notes"], dict, f"{where}: notes"),
            approvals=tuple(
                Approval.from_dict(entry, f"{where}: approval {n}", schema) for n, entry in enumerate(approvals, 1)
            ),
        )
        check_digest(values, where)
        return manifest


def _plate_format(values: Any, where: str) -> PlateFormat:
    try:
        return PlateFormat.from_dict(values, where)
    except PlateFormatError as error:
        raise BundleError(str(error)) from error
