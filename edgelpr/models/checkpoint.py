"""Checkpoints: trained weights with the plate format they were trained for, in one safetensors file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from edgelpr.errors import CheckpointError
from edgelpr.models.files import FileKind, read_pickle, read_safetensors, sniff, write_file
from edgelpr.models.hpa import ARCHITECTURES, Hpa
from edgelpr.models.matching import describe_mismatch
from edgelpr.models.metadata import METADATA_KEY, Metadata
from edgelpr.models.vim_lpr import import_vim_lpr
from edgelpr.plates.format import PlateFormat


def save_checkpoint(path: str | Path, network: Hpa, *, half: bool = False, notes: Mapping[str, str] | None = None) -> None:
    """Write weights and all that is needed to use them; the file appears whole or not at all.

    Args:
        path: destination, replaced when it exists.
        network: a member of the family by name (``ARCHITECTURES``).
        half: store float16, half the size; ``load_checkpoint`` gives float32 again.
        notes: free text, for example recipe and seed.

    Raises:
        CheckpointError: a size of its own that no name stands for, a weight that is not finite, or a failed write.
    """
    try:
        content = serialise(network, half=half, notes=notes)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error
    write_file(Path(path), content)


def serialise(network: Hpa, *, half: bool = False, notes: Mapping[str, str] | None = None) -> bytes:
    """The content of a checkpoint file; see ``save_checkpoint``.

    Raises:
        CheckpointError: a size of its own that no name stands for, or a weight that is not finite.
    """
    _check_named(network)
    tensors = {name: stored(tensor, half) for name, tensor in network.state_dict().items()}
    _check_finite(tensors)
    metadata = Metadata.of(network, dict(notes or {}))
    return save(tensors, {METADATA_KEY: json.dumps(metadata.to_dict(), ensure_ascii=False)})


def load_checkpoint(path: str | Path, plate_format: PlateFormat | None = None) -> Hpa:
    """Read our own checkpoint, or one of the HPA authors' code.

    Args:
        path: ``.safetensors`` of ours, or ``.pth``, ``.pt`` or ``.safetensors`` with the authors' names.
        plate_format: for the authors' files, whose format is not inside. For ours, a variant that reads the same
            classes (for example with a pattern).

    Returns:
        The network on the CPU, float32, in evaluation mode.

    Raises:
        CheckpointError: the file is absent, damaged, unsafe, or of another network.
    """
    path = Path(path)
    kind = sniff(path)
    try:
        network = _load(path, kind, plate_format)
        _check_finite(network.state_dict())
    except CheckpointError as error:
        text = str(error)
        raise CheckpointError(text if text.startswith(str(path)) else f"{path}: {text}") from error
    return network


def _load(path: Path, kind: FileKind, plate_format: PlateFormat | None) -> Hpa:
    if kind == "pickle":
        return import_vim_lpr(read_pickle(path), plate_format)
    tensors, texts = read_safetensors(path)
    if METADATA_KEY not in texts:
        return import_vim_lpr(tensors, plate_format)
    metadata = Metadata.parse(texts[METADATA_KEY])
    return _build(metadata, tensors, _chosen_format(metadata.plate_format, plate_format))


def _build(metadata: Metadata, tensors: Mapping[str, Tensor], plate_format: PlateFormat) -> Hpa:
    with torch.device("meta"):  # the weights come from the file: no need to draw fresh ones first
        network = metadata.build(plate_format)
    difference = describe_mismatch(network.state_dict(), tensors)
    if difference:
        raise CheckpointError(
            f"says it holds '{metadata.architecture}' for plate format '{plate_format.name}', but its tensors differ: "
            f"{difference}. The file was altered or is incomplete; copy or train it again"
        )
    network.load_state_dict({name: computed(tensor) for name, tensor in tensors.items()}, assign=True)
    return network.eval()


def _chosen_format(inside: PlateFormat, given: PlateFormat | None) -> PlateFormat:
    if given is None:
        return inside
    same = ("alphabet", "positions", "void", "rows", "height_width")
    differing = [name for name in same if getattr(given, name) != getattr(inside, name)]
    if differing:
        raise CheckpointError(
            f"was trained for plate format '{inside.name}', and '{given.name}' differs from it in {', '.join(differing)}; "
            "leave the plate format out to use the one in the checkpoint"
        )
    return given


def _check_named(network: Hpa) -> None:
    config = network.config
    known = ARCHITECTURES.get(config.name)
    # The classifier is stored apart, so it may differ from the named entry.
    if known is None or vars(known) | {"classifier": None} != vars(config) | {"classifier": None}:
        raise CheckpointError(
            f"'{config.name}' with these sizes is not one of {', '.join(ARCHITECTURES)}; "
            "a checkpoint names its architecture, so it could not be read again"
        )


def _check_finite(tensors: Mapping[str, Tensor]) -> None:
    bad = [name for name, tensor in tensors.items() if not bool(torch.isfinite(tensor).all())]
    if bad:
        raise CheckpointError(
            f"'{bad[0]}' has values that are NaN, infinite or too large for the type; "
            "the training diverged, or store it without half precision"
        )


def stored(tensor: Tensor, half: bool) -> Tensor:
    """A tensor as checkpoints hold it: on the CPU, floating point as float16 or else float32."""
    tensor = tensor.detach().cpu()
    if tensor.is_floating_point():
        tensor = tensor.to(torch.float16 if half else torch.float32)
    return tensor.contiguous()


def computed(tensor: Tensor) -> Tensor:
    """A tensor of a checkpoint as networks compute with it: floating point as float32."""
    return tensor.float() if tensor.is_floating_point() else tensor
