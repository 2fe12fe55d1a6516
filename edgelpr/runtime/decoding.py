"""From a network's outputs to readings."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from edgelpr.errors import BackendError
from edgelpr.plates.format import PlateFormat
from edgelpr.runtime.backends.protocol import RawOutput
from edgelpr.runtime.maps import boxes_from_maps
from edgelpr.runtime.reading import Box, CharacterReading, Reading


def class_mask(plate_format: PlateFormat) -> NDArray[np.bool_] | None:
    """(P, S) which classes a format's pattern allows at each position; None without a pattern."""
    allowed = plate_format.allowed_classes
    return None if allowed is None else np.array(allowed, dtype=np.bool_)


def decode_logits(
    logits: NDArray[np.float32], mask: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Winning class and its softmax probability.

    Args:
        logits: (N, P, S) class scores, float32.
        mask: (P, S) classes that may win; the others count as impossible.

    Returns:
        (N, P) classes int32, and (N, P) probabilities float32, 0 to 1; where scores are NaN, so are they.
    """
    if mask is not None:
        logits = np.where(mask, logits, np.float32(-np.inf))
    best = logits.max(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):  # an infinite score becomes a NaN, which to_readings reports
        probabilities = 1 / np.exp(logits - best).sum(axis=-1)
    return logits.argmax(axis=-1).astype(np.int32), probabilities.astype(np.float32, copy=False)


def raw_output(names: Sequence[str], arrays: Sequence[NDArray[np.generic]], mask: NDArray[np.bool_] | None = None) -> RawOutput:
    """Outputs of a graph, by name, as one structure; class scores are decoded.

    Args:
        names: ``classes`` and ``probabilities``, or ``logits``, then others of ``RawOutput``.
        arrays: the outputs in the same order, shapes as in ``Graph.outputs``.
        mask: (P, S) classes that may win, for ``logits``.
    """
    outputs = dict(zip(names, arrays))
    floats = {name: array.astype(np.float32, copy=False) for name, array in outputs.items() if name != "classes"}
    if "logits" in floats:
        classes, probabilities = decode_logits(floats.pop("logits"), mask)
    else:
        classes, probabilities = outputs["classes"].astype(np.int32, copy=False), floats.pop("probabilities")
    return RawOutput(classes, probabilities, **floats)


def joined(parts: Sequence[RawOutput]) -> RawOutput:
    """Outputs of several batches of one network as those of one batch."""
    if len(parts) == 1:
        return parts[0]
    found = {name: values for name, values in zip(RawOutput._fields, zip(*parts)) if values[0] is not None}
    return raw_output(tuple(found), [np.concatenate(values) for values in found.values()])


def to_readings(raw: RawOutput, plate_format: PlateFormat, sizes: Sequence[tuple[int, int]], seconds: float) -> list[Reading]:
    """Readings of a batch; they hold plain values and share no memory with the outputs.

    Args:
        raw: outputs for N crops.
        plate_format: what the classes mean.
        sizes: width and height of each crop in pixels.
        seconds: time of the batch for each of its crops.

    Raises:
        BackendError: outputs of another shape, probabilities that are NaN, or a class outside the alphabet.
    """
    _check_output(raw, plate_format, len(sizes))
    boxes: list[list[list[float]]] | None = None
    if raw.maps is not None:
        boxes = boxes_from_maps(raw.maps, np.array(sizes, dtype=np.float64)).tolist()
    rows = zip(raw.classes.tolist(), raw.probabilities.tolist())
    return [
        _reading(classes, probabilities, None if boxes is None else boxes[number], plate_format.alphabet, seconds)
        for number, (classes, probabilities) in enumerate(rows)
    ]


def _reading(
    classes: list[int], probabilities: list[float], boxes: list[list[float]] | None, alphabet: str, seconds: float
) -> Reading:
    void = len(alphabet)
    characters = tuple(
        CharacterReading(alphabet[index], probabilities[position], None if boxes is None else _box(boxes[position]))
        for position, index in enumerate(classes)
        if index != void
    )
    return Reading("".join([character.text for character in characters]), prod(probabilities), characters, seconds)


def _box(edges: list[float]) -> Box | None:
    x0, y0, x1, y1 = edges
    return (x0, y0, x1, y1) if x0 == x0 else None  # NaN differs from itself: no mass, no box


def _check_output(raw: RawOutput, plate_format: PlateFormat, count: int) -> None:
    wanted = (count, plate_format.positions)
    if raw.classes.shape != wanted or raw.probabilities.shape != wanted:
        raise BackendError(f"the network returned {raw.classes.shape} classes; expected {wanted}. Export the bundle again")
    if not count:
        return
    # Seen as unsigned, a negative class is a huge one: one pass finds both kinds.
    if raw.classes.view(np.uint32).max() >= plate_format.classes:
        raise BackendError(f"the network returned a class outside the {plate_format.classes} of '{plate_format.name}'")
    if not raw.probabilities.min() >= 0:  # a NaN makes the least one NaN
        raise BackendError("the network returned NaN; read with precision fp32, or export the bundle again")
