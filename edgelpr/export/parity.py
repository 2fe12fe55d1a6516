"""Parity: a rewrite or an exported graph must return what the PyTorch network returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edgelpr.errors import ParityError
from edgelpr.export.decoding import pattern_mask
from edgelpr.export.wrapping import GraphModule
from edgelpr.models.door import GreyDoor
from edgelpr.models.hpa import Hpa
from edgelpr.plates.format import PlateFormat
from edgelpr.types import Rewrite

TOLERANCE = 1e-5
"""Largest allowed difference, as a share of the tensor's largest value; for probabilities as it is."""

EXACT = 1e-9
"""The same for a rewrite alone, computed in double precision, where rounding explains nothing."""

_ROUNDING_SHARE = 4.0
_REMEDY = "Nothing was written; leave a rewrite out (--no-rewrite NAME, --plain), and please report this"

Outputs = Mapping[str, NDArray[Any]]
"""Arrays by output name."""


@dataclass(frozen=True)
class Check:
    """Outcome of one comparison that passed."""

    name: str
    """What was checked: a rewrite, ``graph`` or ``simplified``."""

    differences: dict[str, float]
    """Largest difference of each tensor as a share of its largest value; for probabilities as it is."""

    ties: int
    """Characters where another class won, its score as good as equal."""


@dataclass(frozen=True)
class Reference:
    """What the plain PyTorch network returns for some crops, computed in double precision."""

    plate_format: PlateFormat
    """Gives the pattern."""

    tensors: dict[str, NDArray[np.float64]]
    """``logits`` (N, P, S), ``probabilities`` (N, P) and perhaps ``maps`` (N, P, h, w)."""

    tolerances: dict[str, float]
    """1e-5, or more where the network itself loses more than that to single precision."""

    @property
    def scores(self) -> NDArray[np.float64]:
        """(N, P, S) logits with the classes ruled out that the pattern forbids."""
        return _masked(self.tensors["logits"], self.plate_format)


def make_reference(network: Hpa, crops: NDArray[np.uint8], maps: bool) -> Reference:
    """Run the network as published.

    An ill-conditioned network, one with random weights for example, turns the rounding of single precision into
    more than 1e-5 by itself. No graph can do better, so the tolerance is then four times PyTorch's own error.

    Args:
        network: evaluation mode, float32.
        crops: (N, H, W) uint8.
        maps: whether to compare HPA maps.
    """
    exact, single = (_plain(copy, crops, maps) for copy in (deepcopy(network).double(), network))
    return Reference(network.plate_format, exact, tolerances_of(exact, single))


def tolerances_of(exact: Mapping[str, NDArray[np.float64]], single: Outputs) -> dict[str, float]:
    """How far each tensor may lie from PyTorch's in double precision: 1e-5, or four times what single precision loses."""
    errors = {name: _difference(name, single[name], exact[name]) for name in exact}
    return {name: max(TOLERANCE, _ROUNDING_SHARE * error) for name, error in errors.items()}


def check_rewrite(network: Hpa, rewrite: Rewrite, crops: NDArray[np.uint8], reference: Reference) -> Check:
    """Compare a single rewrite, in double precision, with the plain network.

    Raises:
        ParityError: the outputs differ.
    """
    module = GraphModule(deepcopy(network).double(), (rewrite,), "maps" in reference.tensors)
    strict = Reference(reference.plate_format, reference.tensors, dict.fromkeys(reference.tensors, EXACT))
    return compare(rewrite, [(slice(None), module.run(crops))], strict)


def check_graph(
    name: str, run: Callable[[NDArray[np.uint8]], Outputs], crops: NDArray[np.uint8], reference: Reference
) -> Check:
    """Compare a graph with the plain network at batch 1, 2 and all crops.

    Args:
        name: for messages.
        run: crops (N, H, W) to outputs by name.
        crops: (N, H, W) uint8.
        reference: of the same crops.

    Raises:
        ParityError: the outputs differ.
    """
    return compare(name, [(rows, run(crops[rows])) for rows in batches_of(len(crops))], reference)


def batches_of(count: int) -> tuple[NDArray[np.int64], ...]:
    """Rows to compare together: one, two, and all."""
    return np.array([0]), np.array([0, 1 % count]), np.arange(count)


def compare(name: str, results: Sequence[tuple[Any, Outputs]], reference: Reference) -> Check:
    """Compare outputs with the reference, tensor by tensor and character by character.

    Args:
        name: what is compared, for messages.
        results: which rows of the reference, and the outputs for them.
        reference: what is right.

    Raises:
        ParityError: a tensor beyond its tolerance, or another class won although it was no tie.
    """
    differences: dict[str, float] = {}
    ties = 0
    for rows, outputs in results:
        for tensor in (name for name in outputs if name in reference.tensors):
            wanted = reference.tensors[tensor]
            found = _difference(tensor, outputs[tensor], wanted[rows], np.abs(wanted).max())
            differences[tensor] = max(differences.get(tensor, 0.0), found)
            _check_tolerance(name, tensor, found, reference.tolerances[tensor])
        ties = max(ties, _count_ties(name, outputs, rows, reference))
    return Check(name, differences, ties)


def _plain(network: Hpa, crops: NDArray[np.uint8], maps: bool) -> dict[str, NDArray[np.float64]]:
    weight = next(network.parameters())
    planes = GreyDoor(3, weight.dtype)(torch.from_numpy(crops))
    with torch.no_grad():
        output = network(planes)
    tensors = {"logits": output.logits.double().numpy()}
    tensors["probabilities"] = _softmax(_masked(tensors["logits"], network.plate_format)).max(-1)
    if maps and output.position is not None:
        tensors["maps"] = output.position[:, :-1].double().numpy()
    return tensors


def _difference(name: str, found: NDArray[Any], wanted: NDArray[np.float64], largest: float | None = None) -> float:
    if found.shape != wanted.shape:
        raise ParityError(f"'{name}' has shape {found.shape}; expected {wanted.shape}. {_REMEDY}")
    largest = float(np.abs(wanted).max()) if largest is None else float(largest)
    difference = float(np.abs(found.astype(np.float64) - wanted).max())
    return difference if name == "probabilities" or largest == 0 else difference / largest


def _check_tolerance(name: str, tensor: str, found: float, allowed: float) -> None:
    if not found <= allowed:  # also catches NaN
        raise ParityError(
            f"{name}: '{tensor}' differs from the PyTorch network by {found:.1e} of its largest value; at most {allowed:.1e} "
            f"is allowed. {_REMEDY}"
        )


def _count_ties(name: str, outputs: Outputs, rows: Any, reference: Reference) -> int:
    """Characters with another winner than in the reference, all of which must be ties."""
    scores = reference.scores[rows]
    found = outputs["classes"] if "classes" in outputs else _masked(outputs["logits"], reference.plate_format).argmax(-1)
    found = np.asarray(found).astype(np.int64)
    other = found != scores.argmax(-1)
    margin = scores.max(-1) - np.take_along_axis(scores, found[..., None], axis=-1)[..., 0]
    allowed = reference.tolerances["logits"] * np.abs(reference.tensors["logits"]).max()
    if (other & (margin > allowed)).any():
        row, position = np.argwhere(other & (margin > allowed))[0]
        texts = [reference.plate_format.decode(list(classes[row])) for classes in (found, scores.argmax(-1))]
        raise ParityError(
            f"{name}: reads '{texts[0]}' where the PyTorch network reads '{texts[1]}' (position {position + 1}), and it is "
            f"no tie. {_REMEDY}"
        )
    return int(other.sum())


def _masked(logits: NDArray[Any], plate_format: PlateFormat) -> NDArray[Any]:
    mask = pattern_mask(plate_format, torch.float64)
    return logits if mask is None else logits + mask.numpy()


def _softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    exact: NDArray[np.float64] = powers / powers.sum(-1, keepdims=True)
    return exact
