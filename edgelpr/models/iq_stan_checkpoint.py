"""Checkpoints of IQ-STAN: weights with the plate format and the parts they were trained for, in one safetensors file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from edgelpr.bundle.confidence import TrackConfidence
from edgelpr.errors import CheckpointError, EdgelprError
from edgelpr.models.checkpoint import computed, stored
from edgelpr.models.files import read_safetensors, sniff, write_file
from edgelpr.models.iq_stan import IqStan, IqStanConfig, create_iq_stan
from edgelpr.models.matching import describe_mismatch
from edgelpr.models.metadata import METADATA_KEY, Metadata
from edgelpr.plates.format import PlateFormat
from edgelpr.types import QualityUse

_SCHEMA = 1
_KEYS = ("architecture", "quality", "plate_format", "preprocessing", "notes", "confidence", "schema")


def save_iq_stan(path: Path, network: IqStan, *, half: bool = False, notes: Mapping[str, str] | None = None) -> None:
    """Write weights and all that is needed to use them; the file appears whole or not at all.

    Args:
        path: destination, replaced when it exists.
        network: of the usual sizes, see ``IqStanConfig``.
        half: store float16, half the size; ``load_iq_stan`` gives float32 again.
        notes: free text, for example recipe and seed.

    Raises:
        CheckpointError: a size of its own, a weight that is not finite, or a failed write.
    """
    if network.config != IqStanConfig(quality=network.config.quality):
        raise CheckpointError(f"{path}: the network has sizes of its own; a checkpoint could not be read again")
    tensors = {name: stored(tensor, half) for name, tensor in network.state_dict().items()}
    bad = [name for name, tensor in tensors.items() if not bool(torch.isfinite(tensor).all())]
    if bad:
        raise CheckpointError(f"{path}: '{bad[0]}' has values that are not finite or too large for the type; training diverged")
    described: dict[str, Any] = {
        "architecture": network.config.name,
        "quality": network.config.quality,
        "plate_format": network.plate_format.to_dict(),
        "preprocessing": network.preprocessing.to_dict(),
        "notes": dict(notes or {}),
        "confidence": None if network.confidence is None else network.confidence.to_list(),
        "schema": _SCHEMA,
    }
    write_file(path, save(tensors, {METADATA_KEY: json.dumps(described, ensure_ascii=False)}))


def is_iq_stan(path: Path) -> bool:
    """Whether a file says that it is a checkpoint of IQ-STAN; only its header is read, and nothing else is checked."""
    try:
        with safe_open(str(path), framework="pt") as file:
            described = json.loads((file.metadata() or {}).get(METADATA_KEY, "{}"))
    except (SafetensorError, OSError, ValueError, RuntimeError):
        return False  # whatever reads it says what is wrong with it
    return isinstance(described, dict) and described.get("architecture") == "iq-stan"


def describe_iq_stan(path: Path) -> Metadata:
    """What a checkpoint says about itself; its tensors are not read.

    Raises:
        CheckpointError: the file is absent, damaged, or of another network.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            values = json.loads((file.metadata() or {}).get(METADATA_KEY, "{}"))
        network = _described(values)
    except (SafetensorError, OSError, ValueError, EdgelprError) as error:
        raise CheckpointError(f"{path}: {error}") from error
    return Metadata(network.config.name, "shared", network.plate_format, network.preprocessing, values["notes"])


def load_iq_stan(path: Path) -> IqStan:
    """Read a checkpoint of ours.

    Returns:
        The network on the CPU, float32, in evaluation mode.

    Raises:
        CheckpointError: the file is absent, damaged, unsafe, or of another network.
    """
    if sniff(path) != "safetensors":
        raise CheckpointError(f"{path}: a PyTorch file; IQ-STAN's checkpoints are safetensors")
    tensors, texts = read_safetensors(path)
    try:
        network = _described(json.loads(texts.get(METADATA_KEY, "{}")))
    except (ValueError, EdgelprError) as error:
        raise CheckpointError(f"{path}: {error}") from error
    difference = describe_mismatch(network.state_dict(), tensors)
    if difference:
        raise CheckpointError(f"{path}: its tensors are not IQ-STAN's: {difference}; copy or train it again")
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        raise CheckpointError(f"{path}: holds values that are not finite; copy or train it again")
    network.load_state_dict({name: computed(tensor) for name, tensor in tensors.items()})
    return network.eval()


def _described(values: Any) -> IqStan:
    if not isinstance(values, dict) or values.get("architecture") != "iq-stan":
        found = values.get("architecture") if isinstance(values, dict) else None
        raise CheckpointError(f"is a checkpoint of {found or 'something else'}; expected one of iq-stan")
    values = {"confidence": None} | values  # absent until one was fitted
    if values.get("schema") != _SCHEMA or sorted(values) != sorted(_KEYS):
        raise CheckpointError(f"its metadata is not of schema {_SCHEMA}; install the edgelpr that wrote it or a newer one")
    if values["quality"] not in get_args(QualityUse):
        raise CheckpointError(f"its quality is {values['quality']!r}; expected one of {', '.join(get_args(QualityUse))}")
    network = create_iq_stan(PlateFormat.from_dict(values["plate_format"], "its plate format"), values["quality"])
    if values["confidence"] is not None:
        network.confidence = TrackConfidence.from_list(values["confidence"], "its confidence")
    if values["preprocessing"] != network.preprocessing.to_dict():
        raise CheckpointError(f"its preprocessing is {values['preprocessing']!r}; this edgelpr does another one")
    return network
