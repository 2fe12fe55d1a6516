"""The calibration record: which ranges a bundle's INT8 files were made with, and from what they came."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, get_args

from edgelpr.bundle.bundle import parse_json
from edgelpr.bundle.checking import checked_keys, checked_schema, chosen, hashes, hexadecimal_hash, number, texts, typed
from edgelpr.calibration.ranges import Range
from edgelpr.calibration.record_digest import DIGEST, check_digest, digest_of
from edgelpr.calibration.record_parts import CALIBRATION, RecordedImages, RecordedTracks, Trial
from edgelpr.errors import BundleError, CalibrationError
from edgelpr.types import Int8File, RangeMethod, ReducedFile

__all__ = ["CALIBRATION", "RECORD_SCHEMA", "CalibrationRecord", "RecordedImages", "RecordedTracks", "Trial"]

RECORD_SCHEMA = 2
"""Version of the record that this edgelpr writes, and the only one that it reads: schema 1 had no digest."""

_AGAIN = "run 'edgelpr calibrate' again on this bundle"


@dataclass(frozen=True)
class CalibrationRecord:
    """Everything needed to make the INT8 files again, and to tell whether they belong to a model.

    Raises:
        CalibrationError: fields that contradict each other.
    """

    edgelpr_version: str
    """Version of edgelpr that wrote the record."""

    graph_sha256: str
    """Hash of the ``fp32.onnx`` whose tensors were observed."""

    preprocessing: Mapping[str, Any]
    """How crops became its input: ``Preprocessing.to_dict()``."""

    images: RecordedImages
    """The images."""

    methods: Mapping[Int8File, RangeMethod]
    """How the ranges of each file were chosen."""

    ranges: Mapping[Int8File, Mapping[str, Range]]
    """Ranges by tensor, a set for each file of ``methods``: a method chooses otherwise for symmetric int8 than for uint8."""

    kept: Mapping[ReducedFile, tuple[str, ...]] = field(default_factory=dict)
    """Names of the nodes that stay in higher precision, by file."""

    chosen_on: tuple[str, ...] = ()
    """Hash of the pixels of each labelled plate that a bisection chose these nodes on; accuracy there flatters."""

    trials: tuple[Trial, ...] = ()
    """What choosing the methods was based on; none where the user chose."""

    versions: Mapping[str, str] = field(default_factory=dict)
    """Versions of the packages that took part, by name."""

    warnings: tuple[str, ...] = ()
    """What was said about the set of images."""

    tracks: RecordedTracks | None = None
    """Of a network that reads tracks: what the images are frames of; None: each image was read alone."""

    schema: int = RECORD_SCHEMA
    """Version of this record."""

    def __post_init__(self) -> None:
        if set(self.methods) != set(self.ranges) or not set(self.kept) <= {*self.methods, "fp16"}:
            raise CalibrationError(
                f"calibration record: methods of {_listed(self.methods)}, ranges of {_listed(self.ranges)}, nodes kept of "
                f"{_listed(self.kept)}; expected methods and ranges of the same files, and nodes kept of these or of fp16"
            )

    def check(self, graph_sha256: str, preprocessing: Mapping[str, Any], tensor_names: Iterable[str] = ()) -> None:
        """Check that the record belongs to a model.

        Args:
            graph_sha256: hash of its ``fp32.onnx``.
            preprocessing: how crops become its input: ``Preprocessing.to_dict()``.
            tensor_names: tensors that must have a range in every set.

        Raises:
            CalibrationError: another graph, other preprocessing, or a tensor without a range; both sides are named.
        """
        if self.graph_sha256 != graph_sha256:
            raise CalibrationError(
                f"the calibration record belongs to another model: its graph has the hash {self.graph_sha256}, "
                f"this one's is {graph_sha256}; {_AGAIN}"
            )
        if dict(self.preprocessing) != dict(preprocessing):
            raise CalibrationError(
                f"the calibration record belongs to other preprocessing: {dict(self.preprocessing)}, "
                f"this model's is {dict(preprocessing)}; {_AGAIN}"
            )
        self._check_tensors(list(tensor_names))

    def _check_tensors(self, wanted: list[str]) -> None:
        for file, ranges in self.ranges.items():
            missing = [name for name in wanted if name not in ranges]
            if missing:
                raise CalibrationError(
                    f"the calibration record lacks {len(missing)} of the {len(wanted)} tensors to be quantised, for example "
                    f"'{missing[0]}'; its ranges for '{file}' are of {len(ranges)} tensors; {_AGAIN}"
                )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; ``from_dict`` takes them back. Of crops it holds nothing about tracks."""
        plain = {"schema": self.schema} | {item.name: getattr(self, item.name) for item in fields(self)}
        if self.tracks is None:
            del plain["tracks"]
        else:
            plain["tracks"] = self.tracks.to_dict()
        plain |= {
            "preprocessing": dict(self.preprocessing),
            "images": self.images.to_dict(),
            "methods": dict(self.methods),
            "ranges": {file: {name: [item.low, item.high] for name, item in self.ranges[file].items()} for file in self.ranges},
            "kept": {file: list(names) for file, names in self.kept.items()},
            "chosen_on": list(self.chosen_on),
            "trials": [asdict(trial) for trial in self.trials],
            "versions": dict(self.versions),
            "warnings": list(self.warnings),
        }
        return plain | {DIGEST: digest_of(plain)}

    def to_json(self) -> str:
        """The text of ``calibration.json``.

        Raises:
            CalibrationError: a value that JSON or UTF-8 cannot hold.
        """
        try:
            text = json.dumps(self.to_dict(), ensure_ascii=False, indent=1, allow_nan=False) + "\n"
            text.encode("utf-8")  # the name of an image may be of unknown encoding
        except (TypeError, ValueError) as error:
            raise CalibrationError(f"calibration record: {error}; expected plain, finite values") from error
        return text

    @classmethod
    def from_json(cls, text: str | bytes, where: str = CALIBRATION) -> CalibrationRecord:
        """Read the text of ``calibration.json``.

        Args:
            text: at most 4 MiB.
            where: what to call it in messages.

        Raises:
            CalibrationError: not valid JSON, or what ``from_dict`` refuses.
        """
        try:
            values = parse_json(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text, where)
        except BundleError as error:
            raise CalibrationError(f"{error}, or {_AGAIN}") from error
        return cls.from_dict(values, where)

    @classmethod
    def from_dict(cls, values: Any, where: str = CALIBRATION) -> CalibrationRecord:
        """Build from plain values.

        Raises:
            CalibrationError: written by a newer or a much older edgelpr, a missing or an unknown key, a value that does not
                fit, or altered by hand.
        """
        try:
            return cls._parsed(values, where)
        except BundleError as error:
            raise CalibrationError(f"{error}; {_AGAIN}") from error

    @classmethod
    def _parsed(cls, values: Any, where: str) -> CalibrationRecord:
        schema = checked_schema(values, RECORD_SCHEMA, "calibration record", "or with this version", where)
        if schema < RECORD_SCHEMA:
            raise BundleError(f"{where}: schema {schema} has no digest, so that an altered range would go unnoticed")
        written = values
        values = checked_keys({"tracks": None, **values}, [*(item.name for item in fields(cls)), DIGEST], where)
        tracks, trials = values["tracks"], typed(values["trials"], list, f"{where}: trials")
        record = cls(
            schema=schema,
            edgelpr_version=typed(values["edgelpr_version"], str, f"{where}: edgelpr_version"),
            graph_sha256=hexadecimal_hash(values["graph_sha256"], f"{where}: graph_sha256"),
            preprocessing=typed(values["preprocessing"], dict, f"{where}: preprocessing"),
            images=RecordedImages.from_dict(values["images"], f"{where}: images"),
            methods={
                file: chosen(method, get_args(RangeMethod), f"{where}: methods: {file}")
                for file, method in _by_file(values["methods"], f"{where}: methods")
            },
            ranges={
                file: {name: _range(ends, f"{where}: range of '{name}'") for name, ends in typed(ranges, dict, where).items()}
                for file, ranges in _by_file(values["ranges"], f"{where}: ranges")
            },
            kept={
                chosen(file, get_args(ReducedFile), f"{where}: kept"): texts(names, f"{where}: kept")
                for file, names in typed(values["kept"], dict, f"{where}: kept").items()
            },
            chosen_on=hashes(values["chosen_on"], f"{where}: chosen_on"),
            trials=tuple(Trial.from_dict(trial, f"{where}: trial {index}") for index, trial in enumerate(trials, 1)),
            versions={
                name: typed(version, str, f"{where}: versions")
                for name, version in typed(values["versions"], dict, f"{where}: versions").items()
            },
            warnings=texts(values["warnings"], f"{where}: warnings"),
            tracks=None if tracks is None else RecordedTracks.from_dict(tracks, f"{where}: tracks"),
        )
        check_digest(written, where)  # last, since a value that does not fit is best named itself
        return record


def _by_file(value: Any, where: str) -> list[tuple[Int8File, Any]]:
    return [(chosen(file, get_args(Int8File), where), item) for file, item in typed(value, dict, where).items()]


def _range(value: Any, where: str) -> Range:
    ends = typed(value, list, where)
    if len(ends) != 2:
        raise BundleError(f"{where}: found {ends}; expected two numbers")
    try:
        return Range(number(ends[0], where), number(ends[1], where))
    except CalibrationError as error:
        raise BundleError(f"{where}: {error}") from error


def _listed(files: Collection[str]) -> str:
    return ", ".join(sorted(files)) or "none"
