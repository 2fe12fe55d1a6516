"""ImageNet weights for the context path, as the paper starts from ("Implementation Details").

None are shipped, and none are fetched: a user who has a torchvision ResNet as a file names it. Without one a network starts
from random weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from edgelpr.errors import CheckpointError
from edgelpr.models.files import read_pickle, read_safetensors, sniff
from edgelpr.models.hpa import Hpa
from edgelpr.models.matching import describe_mismatch

_PARALLEL = "module."
_CLASSIFIER = "fc."
_COUNTER = "num_batches_tracked"


def load_imagenet(network: Hpa, path: str | Path) -> None:
    """Put the weights of a torchvision ResNet into the context path of a network; the rest of it stays as it is.

    The names are torchvision's (``layer1.0.conv1.weight``), with or without the prefix ``module.``. Its classifier
    ``fc`` is dropped, for the context path has none.

    Args:
        network: changed in place.
        path: ``.pth`` of a state dict, opened without running anything in it, or ``.safetensors``.

    Raises:
        CheckpointError: the file is absent, damaged or unsafe, or of another network than the backbone.
    """
    path = Path(path)
    content = read_safetensors(path)[0] if sniff(path) == "safetensors" else read_pickle(path)
    found = _tensors(content, path)
    backbone = network.context.backbone
    wanted = backbone.state_dict()
    for name, tensor in wanted.items():
        if name.endswith(_COUNTER):  # files older than these counters lack them, and training does not need them
            found.setdefault(name, tensor)
    difference = describe_mismatch(wanted, found)
    if difference:
        raise CheckpointError(
            f"{path}: not the ResNet of '{network.config.name}' as torchvision names it: {difference}. Expected the weights "
            "of the ResNet with that depth, for example torchvision's resnet18 for hpa-resnet18"
        )
    backbone.load_state_dict(found)


def _tensors(content: Mapping[str, Any], path: Path) -> dict[str, Tensor]:
    inner = content.get("state_dict", content)  # training scripts store more than the weights
    if not isinstance(inner, Mapping):
        raise CheckpointError(f"{path}: its 'state_dict' is a {type(inner).__name__}; expected tensors by name")
    named = {str(name).removeprefix(_PARALLEL): value for name, value in inner.items()}
    kept = {name: value for name, value in named.items() if not name.startswith(_CLASSIFIER)}
    others = [name for name, value in kept.items() if not isinstance(value, Tensor)]
    if others or not kept:
        found = f"'{others[0]}' is a {type(kept[others[0]]).__name__}" if others else "it is empty"
        raise CheckpointError(f"{path}: no state dict, {found}; expected the tensors of a torchvision ResNet by name")
    return kept
