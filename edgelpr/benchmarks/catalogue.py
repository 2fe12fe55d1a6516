"""What there is: every architecture counted live, the paper's figures beside it, and the weights found for it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from edgelpr.benchmarks.paper import HPA, MACHINE, PROTOCOL, PaperFigures
from edgelpr.errors import CheckpointError
from edgelpr.models.counting import (
    count_multiply_adds,
    count_parameters,
    count_track_multiply_adds,
    imagenet_classifier_parameters,
)
from edgelpr.models.hpa import ARCHITECTURES, create
from edgelpr.models.iq_stan import create_iq_stan
from edgelpr.models.iq_stan_checkpoint import describe_iq_stan, is_iq_stan
from edgelpr.models.metadata import METADATA_KEY, Metadata
from edgelpr.models.weights import Weights
from edgelpr.plates.format import PlateFormat
from edgelpr.types import Classifier


@dataclass(frozen=True)
class FoundWeights:
    """Trained weights and what their card says."""

    weights: Weights
    """Name, file and the place it was found in."""

    metadata: Metadata
    """Architecture and plate format, from the file's header."""

    accuracy: tuple[dict[str, Any], ...]
    """What the card reports, one entry a data set."""


@dataclass(frozen=True)
class Entry:
    """One network, with the plate format that sets its classes and positions."""

    architecture: str
    """Name on the command line."""

    classifier: Classifier
    """Shared, or one of the paper's two others."""

    plate_format: PlateFormat
    """What the counts are for."""

    parameters: int
    """What is deployed."""

    parameters_with_imagenet_classifier: int | None
    """As the paper counts; None for our own networks, which never had one."""

    multiply_adds: int
    """For one plate, before any rewrite of the export; of IQ-STAN for five frames of it."""

    input_size: tuple[int, int]
    """Height and width of a crop or a frame in pixels."""

    weights: tuple[FoundWeights, ...]
    """Trained weights of this network."""

    paper: PaperFigures | None
    """What the paper reports of it."""

    @property
    def name(self) -> str:
        """The architecture, and the classifier where it is not the shared one."""
        return self.architecture if self.classifier == "shared" else f"{self.architecture}:{self.classifier}"


def list_networks(plate_format: PlateFormat, weights: Sequence[Weights]) -> tuple[Entry, ...]:
    """Count every architecture as it is built, without drawing weights.

    Args:
        plate_format: classes, positions and input size of the counts.
        weights: trained weights to list with their networks.

    Raises:
        CheckpointError: a file among the weights that is damaged, or a card that is not JSON.
    """
    found = [read_weights(item) for item in weights]
    return (
        *(_entry(name, classifier, plate_format, found) for name, classifier in _networks()),
        _of_tracks(plate_format, found),
    )


def read_weights(weights: Weights) -> FoundWeights:
    """Read the header and the card of trained weights, not the tensors.

    Raises:
        CheckpointError: the file is damaged, is not of this project, or its card is not a JSON object.
    """
    try:
        if is_iq_stan(weights.path):
            return FoundWeights(weights, describe_iq_stan(weights.path), read_accuracy(weights.card))
        with safe_open(str(weights.path), framework="np") as file:
            texts = file.metadata() or {}
        metadata = Metadata.parse(texts.get(METADATA_KEY, ""))
    except (SafetensorError, OSError, CheckpointError) as error:
        raise CheckpointError(f"{weights.path}: not usable weights ({error}); replace or remove the file") from error
    return FoundWeights(weights, metadata, read_accuracy(weights.card))


def to_plain(entry: Entry) -> dict[str, Any]:
    """The JSON of ``edgelpr models``; scripts of users depend on these names."""
    return {
        "name": entry.name,
        "parameters": entry.parameters,
        "parameters_with_imagenet_classifier": entry.parameters_with_imagenet_classifier,
        "multiply_adds": entry.multiply_adds,
        "input": list(entry.input_size),
        "positions": entry.plate_format.positions,
        "classes": entry.plate_format.classes,
        "weights": [
            {
                "name": found.weights.name,
                "place": found.weights.place,
                "path": str(found.weights.path),
                "plate_format": found.metadata.plate_format.name,
            }
            for found in entry.weights
        ],
        "accuracy": [{"weights": found.weights.name, **item} for found in entry.weights for item in found.accuracy],
        "paper": None if entry.paper is None else {**asdict(entry.paper), "machine": MACHINE, "protocol": PROTOCOL},
    }


def _networks() -> Iterator[tuple[str, Classifier]]:
    for name in ARCHITECTURES:
        yield name, "shared"
    yield from (key for key in HPA if key[1] != "shared")


def _entry(name: str, classifier: Classifier, plate_format: PlateFormat, found: Sequence[FoundWeights]) -> Entry:
    with torch.device("meta"):
        network = create(name, plate_format, classifier)
    parameters = count_parameters(network)
    published = any(name == architecture for architecture, _ in HPA)
    return Entry(
        name,
        classifier,
        plate_format,
        parameters,
        parameters + imagenet_classifier_parameters(network) if published else None,
        count_multiply_adds(network.to_empty(device="cpu")),  # a pass on the meta device imports torch's compiler first
        plate_format.height_width,
        tuple(item for item in found if (item.metadata.architecture, item.metadata.classifier) == (name, classifier)),
        HPA.get((name, classifier)),
    )


def _of_tracks(plate_format: PlateFormat, found: Sequence[FoundWeights]) -> Entry:
    """IQ-STAN, whose paper states no size and has figures of data that nobody else has."""
    with torch.device("meta"):
        network = create_iq_stan(plate_format)
    name, size = network.config.name, network.preprocessing
    weights = tuple(item for item in found if item.metadata.architecture == name)
    count = count_track_multiply_adds(network.to_empty(device="cpu"))
    parameters = count_parameters(network)
    return Entry(name, "shared", plate_format, parameters, None, count, (size.height, size.width), weights, None)


def read_accuracy(card: Path | None) -> tuple[dict[str, Any], ...]:
    """What a card reports, one entry a data set; nothing without a card.

    Raises:
        CheckpointError: it is not a JSON object with such a list.
    """
    if card is None:
        return ()
    try:
        content = json.loads(card.read_text(encoding="utf-8"))
        return tuple(dict(item) for item in content.get("accuracy", []))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{card}: expected a JSON object with a list 'accuracy' of objects ({error}); mend or remove the card"
        ) from error
