"""What a checkpoint says about itself besides its tensors."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from typing import Any, cast, get_args

from edgelpr.errors import CheckpointError, EdgelprError
from edgelpr.models.hpa import ARCHITECTURES, Hpa, create
from edgelpr.plates.format import PlateFormat
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.types import Classifier

METADATA_KEY = "edgelpr"
"""Key of the JSON text in the metadata of the safetensors file."""

SCHEMA = 1
"""Version of the layout of that text."""


@dataclass(frozen=True)
class Metadata:
    """Everything needed to rebuild the network and to feed it."""

    architecture: str
    """A name in ``ARCHITECTURES``, or ``iq-stan``, whose checkpoints are read elsewhere."""

    classifier: Classifier
    """Which of the three classifiers."""

    plate_format: PlateFormat
    """Alphabet and positions the weights were trained for."""

    preprocessing: Preprocessing
    """How a crop becomes the input."""

    notes: dict[str, str] = field(default_factory=dict)
    """Free text."""

    schema: int = SCHEMA
    """Version of this layout."""

    @classmethod
    def of(cls, network: Hpa, notes: dict[str, str]) -> Metadata:
        """Describe a network."""
        plate_format = network.plate_format
        config = network.config
        return cls(config.name, config.classifier, plate_format, Preprocessing.of(plate_format), notes)

    def build(self, plate_format: PlateFormat) -> Hpa:
        """The network with fresh weights, for a plate format that reads the same classes."""
        return create(self.architecture, plate_format, self.classifier)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain = {"plate_format": self.plate_format.to_dict(), "preprocessing": self.preprocessing.to_dict()}
        return {item.name: plain.get(item.name, getattr(self, item.name)) for item in fields(self)}

    @classmethod
    def parse(cls, text: str) -> Metadata:
        """Read the JSON text of a checkpoint.

        Raises:
            CheckpointError: not valid, of a newer version, or naming something unknown.
        """
        try:
            values = json.loads(text)
        except ValueError as error:
            raise CheckpointError(f"its metadata is not valid JSON ({error}); the file was altered, copy it again") from error
        if not isinstance(values, dict):
            raise CheckpointError("its metadata is not a JSON object; the file was altered, copy it again")
        _check_schema(values)
        _check_keys(values, [item.name for item in fields(cls)])
        return cls(
            _choice(values, "architecture", tuple(ARCHITECTURES)),
            cast(Classifier, _choice(values, "classifier", get_args(Classifier))),
            _plate_format(values["plate_format"]),
            _preprocessing(values["preprocessing"], values["plate_format"]),
            _notes(values["notes"]),
        )


def _check_schema(values: dict[str, Any]) -> None:
    schema = values.get("schema")
    if type(schema) is not int or schema < 1:
        raise CheckpointError(f"its metadata has schema {schema!r}; expected {SCHEMA}: the file was altered, copy it again")
    if schema > SCHEMA:
        raise CheckpointError(
            f"its metadata has schema {schema}, and this edgelpr reads up to {SCHEMA}; install a newer edgelpr"
        )


def _check_keys(values: dict[str, Any], known: list[str]) -> None:
    for what, names in {"lacks": set(known) - set(values), "has unknown": set(values) - set(known)}.items():
        if names:
            raise CheckpointError(f"its metadata {what} {', '.join(sorted(names))}; expected {', '.join(known)}")


def _choice(values: dict[str, Any], key: str, choices: tuple[str, ...]) -> str:
    if values[key] not in choices:
        raise CheckpointError(f"its {key} is {values[key]!r}; this edgelpr knows {', '.join(choices)}")
    return str(values[key])


def _plate_format(values: Any) -> PlateFormat:
    try:
        return PlateFormat.from_dict(values, "its plate format")
    except EdgelprError as error:
        raise CheckpointError(str(error)) from error


def _preprocessing(values: Any, plate_format: Any) -> Preprocessing:
    wanted = Preprocessing.of(_plate_format(plate_format))
    if values != wanted.to_dict():
        raise CheckpointError(f"its preprocessing is {values!r}; this edgelpr does {wanted.to_dict()!r} for its plate format")
    return wanted


def _notes(values: Any) -> dict[str, str]:
    if not isinstance(values, dict) or not all(isinstance(text, str) for text in values.values()):
        raise CheckpointError("its notes are not texts by name; the file was altered, copy it again")
    return dict(values)
