"""Importing checkpoints of the HPA authors' code (jfzhuang/VIM-LPR), in its naming."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from edgelpr.errors import CheckpointError, PlateFormatError
from edgelpr.models.hpa import Hpa, create
from edgelpr.models.matching import describe_mismatch, shorten
from edgelpr.plates.format import PlateFormat
from edgelpr.plates.loading import load_plate_format

_PREFIXES = (
    ("spatial.blocks.0.conv", "saptial_path.convblock1.conv1"),  # the authors' spelling
    ("spatial.blocks.0", "saptial_path.convblock1"),
    ("spatial.blocks.1.conv", "saptial_path.convblock2.conv1"),
    ("spatial.blocks.1", "saptial_path.convblock2"),
    ("spatial.blocks.2.conv", "saptial_path.convblock3.conv1"),
    ("spatial.blocks.2", "saptial_path.convblock3"),
    ("context.backbone", "context_path"),
    ("context.refine3", "attention_refinement_module1"),
    ("context.refine4", "attention_refinement_module2"),
    ("semantic.fuse.conv", "feature_fusion_module1.convblock.0.conv1"),
    ("semantic.fuse", "feature_fusion_module1.convblock.0"),
    ("semantic.reduce.conv", "feature_fusion_module1.convblock.1.conv1"),
    ("semantic.reduce", "feature_fusion_module1.convblock.1"),
    ("semantic.gate", "feature_fusion_module1"),
    ("semantic.head", "conv_seg"),
    ("semantic.bn", "bnSeg"),
    ("position.fuse.conv", "feature_fusion_module2.convblock.conv1"),
    ("position.fuse", "feature_fusion_module2.convblock"),
    ("position.gate", "feature_fusion_module2"),
    ("position.head", "conv_pos"),
    ("classifiers.0.conv", "convblock.0.conv1"),
    ("classifiers.0.bn", "convblock.0.bn"),
    ("classifiers.0.linear", "classifier"),
)
"""Our prefix and theirs; the first that fits counts."""

_WRAPPERS = ("state_dict", "model_state_dict", "model", "network", "net")
_MOST_WRAPPERS = 4
_AOLP = (34, 6)
_BACKBONES = {
    (False, (2, 2, 2, 2)): "resnet18",
    (False, (3, 4, 6, 3)): "resnet34",
    (True, (3, 4, 6, 3)): "resnet50",
    (True, (3, 4, 23, 3)): "resnet101",
}
"""By whether the blocks are bottlenecks, and the depths of the four layers."""


def import_vim_lpr(state: Mapping[str, Any], plate_format: PlateFormat | None = None) -> Hpa:
    """Build our network from the authors' tensors; backbone, classes and positions are read off their shapes.

    Args:
        state: tensors by name, or a dictionary that holds them under ``state_dict`` or ``model``; names may carry
            ``module.`` and name the ResNet twice. The unused ImageNet classifier (``fc``) is ignored.
        plate_format: what the classes stand for; not needed for 34 classes and 6 positions, which is ``aolp``.

    Returns:
        The network on the CPU, float32, in evaluation mode.

    Raises:
        CheckpointError: other tensors than the authors' network has, or a plate format that does not fit.
    """
    tensors = _without_aliases(_tensors_of(state))
    architecture, classes, positions = _detect(tensors)
    _check_names(tensors, architecture, classes, positions)
    with torch.device("meta"):  # the weights come from the file: no need to draw fresh ones first
        network = create(architecture, _fitting_format(plate_format, classes, positions))
    ours = {name: _float32(tensors[their_name(name)]) for name in network.state_dict()}
    network.load_state_dict(ours, assign=True)
    return network.eval()


def their_name(name: str) -> str:
    """The authors' name of one of our tensors, the shorter one where the ResNet has two."""
    for ours, theirs in _PREFIXES:
        if name.startswith(f"{ours}."):
            return theirs + name[len(ours) :]
    raise KeyError(name)


def _tensors_of(state: Mapping[str, Any]) -> dict[str, Tensor]:
    for _ in range(_MOST_WRAPPERS):  # a dictionary may hold itself
        wrapper = next((key for key in _WRAPPERS if isinstance(state.get(key), Mapping)), None)
        if wrapper is None:
            break
        state = state[wrapper]
    others = [str(name) for name, value in state.items() if not isinstance(value, Tensor)]
    if others or not state:
        found = f"with values that are no tensors: {shorten(others)}" if others else "that is empty"
        raise CheckpointError(f"expected a state dict (tensors by name), found a dictionary {found}")
    return {re.sub(r"^(module\.)+", "", str(name)): value for name, value in state.items()}


def _without_aliases(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    unique: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        short = name.replace("context_path.features.", "context_path.", 1)
        if short.startswith("context_path.fc."):
            continue
        if short in unique and not torch.equal(unique[short], tensor):
            raise CheckpointError(f"'{name}' and '{short}' differ; in the authors' network they are one tensor")
        unique[short] = tensor
    return unique


def _detect(tensors: Mapping[str, Tensor]) -> tuple[str, int, int]:
    """Architecture, classes and positions; the paper's smallest where the names give no answer."""
    found = [re.match(r"context_path\.layer([1-4])\.(\d+)\.conv(\d)\.weight$", name) for name in tensors]
    blocks = [(int(match[1]), int(match[2]), int(match[3])) for match in found if match]
    first, second, third, fourth = (len({block for layer, block, _ in blocks if layer == number}) for number in (1, 2, 3, 4))
    bottleneck = any(number == 3 for *_, number in blocks)
    backbone = _BACKBONES.get((bottleneck, (first, second, third, fourth)), "resnet50" if bottleneck else "resnet18")
    return f"hpa-{backbone}", _rows(tensors, "classifier.weight", _AOLP[0]), _rows(tensors, "conv_pos.weight", _AOLP[1] + 1) - 1


def _rows(tensors: Mapping[str, Tensor], name: str, default: int) -> int:
    tensor = tensors.get(name)
    return tensor.shape[0] if tensor is not None and tensor.ndim >= 2 else default


def _check_names(tensors: dict[str, Tensor], architecture: str, classes: int, positions: int) -> None:
    try:
        alphabet = "".join(chr(0x4E00 + index) for index in range(min(classes, 20_000)))
        stand_in = PlateFormat("detected", alphabet, positions)
    except PlateFormatError as error:
        raise CheckpointError(f"its shapes say {classes} classes and {positions} positions: {error}") from error
    with torch.device("meta"):
        wanted = {their_name(name): tensor for name, tensor in create(architecture, stand_in).state_dict().items()}
    counters = {name for name in wanted if name.endswith(".num_batches_tracked")}
    for name in counters - tensors.keys():  # PyTorch before 0.4.1 wrote none; evaluation does not read them
        tensors[name] = torch.zeros((), dtype=torch.long)
    difference = describe_mismatch(wanted, tensors)
    if difference:
        raise CheckpointError(
            f"not a checkpoint of the HPA authors' network (nearest: {architecture}, {classes} classes, "
            f"{positions} positions). Tensors {difference}"
        )


def _fitting_format(given: PlateFormat | None, classes: int, positions: int) -> PlateFormat:
    sizes = f"{classes} classes and {positions} positions"
    if given is None and (classes, positions) == _AOLP:
        return load_plate_format("aolp")
    if given is None:
        raise CheckpointError(
            f"the authors' checkpoint has {sizes} and does not say what they stand for; "
            "name the plate format: --plate-format NAME or a YAML file"
        )
    if (given.classes, given.positions) != (classes, positions):
        void = " (void included)" if given.void else ""
        raise CheckpointError(
            f"the authors' checkpoint has {sizes}, but plate format '{given.name}' has {given.classes} classes{void} "
            f"and {given.positions} positions; give the plate format it was trained for"
        )
    return given


def _float32(tensor: Tensor) -> Tensor:
    tensor = tensor.detach().cpu()
    return tensor.float() if tensor.is_floating_point() else tensor
