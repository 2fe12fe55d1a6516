"""Recipes: the settings of a training run as a YAML file."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from edgelpr.errors import TrainingError, require
from edgelpr.training.config import TrainingConfig


def read_recipe(path: Path) -> dict[str, Any]:
    """Settings of ``TrainingConfig`` by name; the ones absent keep their defaults.

    Raises:
        TrainingError: not readable, not YAML, or a key that is no setting.
        MissingDependencyError: PyYAML is not installed.
    """
    yaml = require("yaml", "train", "reading a training recipe")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise TrainingError(f"{path}: cannot be read as a recipe ({' '.join(str(error).split())})") from error
    if not isinstance(values, dict):
        raise TrainingError(f"{path}: expected 'setting: value' lines")
    known = {field.name for field in fields(TrainingConfig)}
    unknown = sorted(str(key) for key in set(values) - known)
    if unknown:
        raise TrainingError(f"{path}: unknown setting {', '.join(unknown)}; known: {', '.join(sorted(known))}")
    return values


def make_config(recipe: Path | None, changes: dict[str, Any]) -> TrainingConfig:
    """A configuration from a recipe and the settings given beside it; those that are None change nothing.

    Raises:
        TrainingError: a mistake in the recipe, or a value of the wrong type or range.
    """
    values = read_recipe(recipe) if recipe is not None else {}
    values |= {key: value for key, value in changes.items() if value is not None}
    for field in fields(TrainingConfig):
        expected = {"int": int, "float": (int, float), "str": str, "bool": bool}.get(str(field.type))
        value = values.get(field.name, field.default)
        if expected is not None and (not isinstance(value, expected) or (field.type != "bool" and isinstance(value, bool))):  # type: ignore[arg-type]
            raise TrainingError(f"{recipe or 'settings'}: {field.name} is {value!r}; expected {field.type}")
    return TrainingConfig(**values)
