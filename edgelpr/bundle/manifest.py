"""The manifest: what a bundle holds, as one JSON file that is understood whole or refused."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, get_args

from edgelpr.bundle.checking import checked_keys, chosen, typed
from edgelpr.bundle.files import check_relative
from edgelpr.bundle.graph import Graph
from edgelpr.errors import BundleError, PlateFormatError
from edgelpr.plates.format import PlateFormat
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.types import Classifier, Precision

__all__ = ["SCHEMA", "FileRecord", "Graph", "Manifest"]

SCHEMA = 1
"""Version of the manifest that this edgelpr writes, and the newest that it reads."""


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
        sha256, size = typed(values["sha256"], str, where), typed(values["bytes"], int, where)
        if not re.fullmatch(r"[0-9a-f]{64}", sha256) or size < 0:
            raise BundleError(f"{where}: found hash {sha256!r} and size {size}; expected 64 hexadecimal digits and 0 or more")
        return cls(sha256, size)


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
    """The ONNX graphs, one a precision."""

    files: Mapping[str, FileRecord] = field(default_factory=dict)
    """Every file but the manifest and ``engines/``, by its path with forward slashes; ``write_bundle`` fills it."""

    accuracy: tuple[Mapping[str, Any], ...] = ()
    """What was measured: one entry a precision and a set of labelled crops."""

    parity: Mapping[str, Any] = field(default_factory=dict)
    """How far the graphs differ from the PyTorch network."""

    notes: Mapping[str, Any] = field(default_factory=dict)
    """Anything else worth keeping, for example the checkpoint's hash."""

    schema: int = SCHEMA
    """Version of this manifest."""

    def __post_init__(self) -> None:
        if self.preprocessing != Preprocessing.of(self.plate_format):
            raise BundleError(f"manifest of '{self.name}': preprocessing {self.preprocessing} contradicts the plate format")
        precisions = [graph.precision for graph in self.graphs]
        if len(set(precisions)) != len(precisions):
            raise BundleError(f"manifest of '{self.name}': two graphs of one precision ({', '.join(precisions)})")
        size = self.plate_format.height_width
        for graph in self.graphs:
            if graph.height_width != size:
                raise BundleError(f"{graph.file}: height and width are {graph.height_width}; the plate format's are {size}")

    @property
    def digest(self) -> str:
        """SHA-256, in hexadecimal, over what decides how plates are read; tells a manifest that was altered by hand.

        Files have hashes of their own; name, accuracy, parity and notes decide nothing.
        """
        return _digest(self._plain())

    @property
    def precisions(self) -> tuple[Precision, ...]:
        """Precisions that the bundle has a graph for."""
        return tuple(graph.precision for graph in self.graphs)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; ``from_dict`` takes them back."""
        return self._plain() | {"digest": self.digest}

    def _plain(self) -> dict[str, Any]:
        plain = {item.name: getattr(self, item.name) for item in fields(self)}
        return (
            {"schema": self.schema}
            | plain
            | {
                "plate_format": self.plate_format.to_dict(),
                "preprocessing": self.preprocessing.to_dict(),
                "graphs": [graph.to_dict() for graph in self.graphs],
                "files": {path: asdict(self.files[path]) for path in sorted(self.files)},
                "accuracy": [dict(entry) for entry in self.accuracy],
                "parity": dict(self.parity),
                "notes": dict(self.notes),
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
        _check_schema(values, where)
        values = checked_keys(values, [*(item.name for item in fields(cls)), "digest"], where)
        graphs = typed(values["graphs"], list, f"{where}: graphs")
        files = typed(values["files"], dict, f"{where}: files")
        accuracy = typed(values["accuracy"], list, f"{where}: accuracy")
        manifest = cls(
            schema=values["schema"],
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
        )
        # Over the values as written, so that a field which a later version adds with a default does not change it.
        if values["digest"] != _digest(values):
            raise BundleError(
                f"{where}: was altered by hand: architecture, classifier, plate_format, preprocessing or graphs do not match "
                "its digest; copy the bundle again from where it was exported, or export again"
            )
        return manifest


def _digest(values: Mapping[str, Any]) -> str:
    decisive = {key: values[key] for key in ("architecture", "classifier", "plate_format", "preprocessing", "graphs")}
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode("ascii")).hexdigest()


def _check_schema(values: Any, where: str) -> None:
    schema = typed(values, dict, where).get("schema")
    if type(schema) is not int or schema < 1:
        raise BundleError(f"{where}: schema is {schema!r}; this is no manifest of edgelpr")
    if schema > SCHEMA:
        raise BundleError(
            f"{where}: schema {schema} is newer than {SCHEMA}, the newest that this version reads; upgrade edgelpr "
            "(pip install --upgrade edgelpr), or export the checkpoint again with this version"
        )


def _plate_format(values: Any, where: str) -> PlateFormat:
    try:
        return PlateFormat.from_dict(values, where)
    except PlateFormatError as error:
        raise BundleError(str(error)) from error
