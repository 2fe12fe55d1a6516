"""Starting a network for one plate format from weights for another: what both read is kept (ours).

Backbone, spatial path and fusion know nothing of the alphabet and are taken whole. Tensors with a class or a position
dimension are taken entry by entry: a class by its character, a position by its number. What the other format lacks
keeps its fresh values, but for letters that look like one it has.
"""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor

from edgelpr.errors import CheckpointError
from edgelpr.models.hpa import Hpa, create
from edgelpr.plates.format import PlateFormat

_LOOKALIKES = {"O": "0", "I": "1", "Q": "0", "0": "O", "1": "I"}
_COUNTED = {
    r"semantic\.(reduce\.conv\.weight|.*\.bias|.*bn\.(weight|running_mean|running_var))": (0,),
    r"semantic\.(gate\.conv[12]|head)\.weight": (0, 1),
    r"position\.(fuse\.conv\.weight|.*\.bias|.*bn\.(weight|running_mean|running_var))": (0,),
    r"position\.(gate\.conv[12]|head)\.weight": (0, 1),
    r"classifiers\.\d+\.conv\.weight": (1,),
    r"classifiers\.\d+\.linear\.(weight|bias)": (0,),
}
"""Dimensions that count classes, or positions in the position network; both with background last but in classifiers."""

Pairs = tuple[list[int], list[int]]
"""Indices in the new network and in the old one, of the same length."""


def transfer(source: Hpa, plate_format: PlateFormat) -> Hpa:
    """A network for another plate format that starts from what a trained one knows.

    Args:
        source: the trained network.
        plate_format: of the new one.

    Returns:
        The same architecture with the same kind of classifier.

    Raises:
        CheckpointError: separate classifiers for another number of positions, which share nothing by position.
    """
    kind = source.config.classifier
    if kind != "shared" and source.plate_format.positions != plate_format.positions:
        raise CheckpointError(
            f"separate classifiers for {source.plate_format.positions} positions say nothing of {plate_format.positions}; "
            "start from a network with the shared classifier, or from fresh weights"
        )
    network = create(source.config.name, plate_format, kind)
    classes = _classes(source.plate_format, plate_format)
    shared = range(min(source.plate_format.positions, plate_format.positions))
    positions = (list(shared), list(shared))
    fresh, old = network.state_dict(), source.state_dict()
    for name, tensor in fresh.items():
        pairs = positions if name.startswith("position.") else classes
        _copy(tensor, old[name], pairs, _counted(name), background=not name.startswith("classifiers."))
    network.load_state_dict(fresh)
    return network


def _counted(name: str) -> tuple[int, ...]:
    if name.startswith("semantic.fuse."):
        return ()
    return next((dimensions for pattern, dimensions in _COUNTED.items() if re.fullmatch(pattern, name)), ())


def _classes(old: PlateFormat, new: PlateFormat) -> Pairs:
    """Which class of the new alphabet takes which one of the old."""
    pairs = []
    for index, character in enumerate(new.alphabet):
        known = next((c for c in (character, _LOOKALIKES.get(character, "")) if c and c in old.alphabet), None)
        if known is not None:
            pairs.append((index, old.alphabet.index(known)))
    if old.void and new.void:
        pairs.append((new.classes - 1, old.classes - 1))
    return [left for left, _ in pairs], [right for _, right in pairs]


def _copy(new: Tensor, old: Tensor, pairs: Pairs, counted: tuple[int, ...], background: bool) -> None:
    """Copy, in place: entry by entry along the counted dimensions, whole along the others."""
    ours, theirs = pairs
    new[_entries(new, ours, counted, background)] = old[_entries(old, theirs, counted, background)]


def _entries(tensor: Tensor, indices: list[int], counted: tuple[int, ...], background: bool) -> Any:
    """An index of a tensor: these entries, and the last where it is background, along the counted dimensions."""
    along = [
        torch.tensor([*indices, size - 1] if background else indices) if dimension in counted else torch.arange(size)
        for dimension, size in enumerate(tensor.shape)
    ]
    return torch.meshgrid(*along, indexing="ij") if along else ...  # a counter has no dimension
