"""Recipes: the settings of a training run as a YAML file."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from edgelpr.errors import TrainingError, require
from edgelpr.training.config import TrainingConfig
from edgelpr.training.tracks.config import TrackConfig

_Config = TypeVar("_Config", TrainingConfig, TrackConfig)


def config_for(recipe: Path | None, changes: dict[str, Any]) -> TrainingConfig | TrackConfig:
    """The configuration of whatever the recipe, or a setting given beside it, names as the architecture.

    Args:
        recipe: as ``make_config`` takes it.
        changes: likewise.

    Raises:
        TrainingError: a mistake in the recipe, a setting that the architecture does not have, or a value out of range.
    """
    settings = {} if recipe is None else read_recipe(recipe)
    named = changes.get("architecture") or settings.get("architecture")
    if named != TrackConfig.architecture:
        return _make(TrainingConfig, recipe, settings, changes)
    known = {field.name for field in fields(TrackConfig)}
    surplus = sorted(name for name, value in changes.items() if value is not None and name not in known)
    if surplus:
        raise TrainingError(f"{named} has no setting {', '.join(surplus)}; leave it out. Known: {', '.join(sorted(known))}")
    return _make(TrackConfig, recipe, settings, changes)


def make_config(recipe: Path | None, changes: dict[str, Any]) -> TrainingConfig:
    """A configuration of HPA from a recipe and the settings given beside it; those that are None change nothing.

    Raises:
        TrainingError: a mistake in the recipe, or a value of the wrong type or range.
    """
    return _make(TrainingConfig, recipe, {} if recipe is None else read_recipe(recipe), changes)


def read_recipe(path: Path) -> dict[str, Any]:
    """Settings by name; the ones absent keep their defaults.

    Raises:
        TrainingError: not readable, not YAML, or no settings by name.
        MissingDependencyError: PyYAML is not installed.
    """
    yaml = require("yaml", "train", "reading a training recipe")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise TrainingError(f"{path}: cannot be read as a recipe ({' '.join(str(error).split())})") from error
    if not isinstance(values, dict):
        raise TrainingError(f"{path}: expected 'setting: value' lines")
    return values


def _make(kind: type[_Config], recipe: Path | None, settings: dict[str, Any], changes: dict[str, Any]) -> _Config:
    known = {field.name for field in fields(kind)}
    unknown = sorted(str(key) for key in set(settings) - known)
    if unknown:
        raise TrainingError(f"{recipe}: unknown setting {', '.join(unknown)}; known: {', '.join(sorted(known))}")
    values = settings | {key: value for key, value in changes.items() if value is not None}
    for field in fields(kind):
        expected = {"int": int, "float": (int, float), "str": str, "bool": bool}.get(str(field.type))
        value = values.get(field.name, field.default)
        if expected is not None and (not isinstance(value, expected) or (field.type != "bool" and isinstance(value, bool))):  # type: ignore[arg-type]
            raise TrainingError(f"{recipe or 'settings'}: {field.name} is {value!r}; expected {field.type}")
    return kind(**values)
