"""How the weights that are compared were trained, as far as they or their card say it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from edgelpr.benchmarks.cards import read_card
from edgelpr.errors import CheckpointError
from edgelpr.models.metadata import METADATA_KEY
from edgelpr.training.recipes import read_recipe

_CARD = "card.json"


@dataclass(frozen=True)
class Trained:
    """One run of ``edgelpr train``."""

    steps: int
    """Taken when the weights were written."""

    config: Mapping[str, Any]
    """Settings of the run by name, ``steps`` of the whole run among them."""

    recipe: str | None = None
    """The recipe that this was read from, as the card names it; None: the checkpoint itself says it."""

    @property
    def planned(self) -> int:
        """Steps of the whole run."""
        return int(self.config["steps"])

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a result."""
        return {"steps": self.steps, "planned": self.planned, "recipe": self.recipe, "config": dict(self.config)}


def trained_of(path: Path) -> Trained | None:
    """How the weights in a checkpoint were trained; None where neither it nor its card says so.

    Shipped weights have no settings inside: their card names the recipe, which counts where it is a single one, because of
    several runs one after another no number of steps is comparable.

    Args:
        path: a checkpoint that was read, of either kind.

    Raises:
        CheckpointError: the card beside it cannot be read.
        TrainingError: nor can its recipe.
    """
    notes = _notes(path)
    config = _settings(notes.get("config"))
    steps = str(notes.get("steps", ""))
    if config is not None and steps.isascii() and steps.isdigit():
        return Trained(int(steps), config)
    return _by_card(path.resolve())


def steps_in_words(row: Mapping[str, Any], whole: Mapping[str, Any]) -> str:
    """Steps that a network of a result was trained for, and of how many where they are too few; empty where nothing is known.

    Too few are fewer than its own run was planned for, or than the network had that it is held against.

    Args:
        row: of the result, with ``trained`` or without.
        whole: that of the network it is held against, which may be the same.
    """
    trained = row.get("trained")
    if trained is None:
        return ""
    steps = f"{trained['steps']:,}"
    return steps if trained_whole(row, whole) else f"{steps} of {_wanted(trained, whole):,}"


def trained_whole(row: Mapping[str, Any], whole: Mapping[str, Any]) -> bool:
    """Whether nothing is known to be missing of a network's training; arguments as for ``steps_in_words``."""
    trained = row.get("trained")
    return trained is None or trained["steps"] >= _wanted(trained, whole)


def _wanted(trained: Mapping[str, Any], whole: Mapping[str, Any]) -> int:
    other = whole.get("trained")
    return max(int(trained["planned"]), 0 if other is None else int(other["steps"]))


def _notes(path: Path) -> Mapping[str, Any]:
    try:
        with safe_open(str(path), framework="np") as file:
            described = json.loads((file.metadata() or {}).get(METADATA_KEY, "{}"))
    except (SafetensorError, OSError, ValueError):  # a PyTorch file, for example
        return {}
    notes = described.get("notes") if isinstance(described, dict) else None
    return notes if isinstance(notes, dict) else {}


def _settings(text: Any) -> Mapping[str, Any] | None:
    """Settings with a number of steps; notes are free text, and others than ours may stand there."""
    try:
        values = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return values if isinstance(values, dict) and isinstance(values.get("steps"), int) else None


def _by_card(path: Path) -> Trained | None:
    card = path.with_name(_CARD)
    if path.stem != path.parent.name or not card.is_file():
        return None
    named = read_card(card).get("recipe")
    recipe = path.parents[2] / named if isinstance(named, str) and len(path.parents) > 2 else None
    if recipe is None or not recipe.is_file():
        return None
    settings = read_recipe(recipe)
    if not isinstance(settings.get("steps"), int):
        raise CheckpointError(f"{card}: its recipe {named} has no number of steps; name the one that trained the weights")
    return Trained(settings["steps"], settings, named)
