"""Writing measured accuracies into the card of weights."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import floor
from pathlib import Path
from typing import Any

from edgelpr.benchmarks.real_plates import Measured
from edgelpr.data.writing import write_file
from edgelpr.errors import CheckpointError

_KEY = ("data", "precision", "backend")
_LEFT_OUT = ("weights", "part", "wrong", "seconds_per_plate")  # a card is about accuracy; times belong to a machine


def card_entry(measured: Measured) -> dict[str, Any]:
    """An entry of a card's list ``accuracy``: shares with four decimals, the threshold rounded down to six."""
    values = {key: _rounded(key, value) for key, value in measured.to_dict().items() if key not in _LEFT_OUT}
    return values | {"data": f"{measured.data}, {measured.part} part"}


def read_card(path: Path) -> dict[str, Any]:
    """A card's content.

    Raises:
        CheckpointError: it cannot be read, or is not an object whose ``accuracy`` is a list of objects.
    """
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot be read as a card ({error}); expected the card.json of weights") from error
    accuracy = card.get("accuracy", []) if isinstance(card, dict) else None
    if not isinstance(accuracy, list) or not all(isinstance(entry, dict) for entry in accuracy):
        raise CheckpointError(f"{path}: expected a JSON object with a list 'accuracy' of objects; mend the card")
    return dict(card)


def update_card(path: Path, entries: Sequence[Mapping[str, Any]]) -> None:
    """Put accuracies into a card, in place of those of the same data, precision and backend; the rest stays as it is.

    The file is replaced by one rename: whatever fails, the former card stays.

    Args:
        path: an existing ``card.json``.
        entries: as ``card_entry`` gives them.

    Raises:
        CheckpointError: the card cannot be read.
        DataError: it cannot be written.
    """
    card = read_card(path)
    accuracy = [dict(entry) for entry in card.get("accuracy", [])]
    for entry in entries:
        same = [place for place, old in enumerate(accuracy) if all(old.get(key) == entry.get(key) for key in _KEY)]
        if same:
            accuracy[same[0]] = dict(entry)
        else:
            accuracy.append(dict(entry))
    content = json.dumps(card | {"accuracy": accuracy}, ensure_ascii=False, indent=2, allow_nan=False)
    write_file(path, (content + "\n").encode("utf-8"))


def _rounded(key: str, value: Any) -> Any:
    if key == "threshold_at_99_precision" and value is not None:
        return floor(value * 1e6) / 1e6  # rounded up, it would turn away the plate it was taken from
    if isinstance(value, list):
        return [round(each, 4) for each in value]
    return round(value, 4) if isinstance(value, float) else value
