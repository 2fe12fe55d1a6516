"""Recipes of the paper's experiments: ``weights/recipes/paper/NAME.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, get_args

import edgelpr
from edgelpr.errors import TrainingError, UsageError, require
from edgelpr.models.hpa import ARCHITECTURES
from edgelpr.training.config import TrainingConfig
from edgelpr.training.recipes import make_config
from edgelpr.types import PaperExperiment, Reproduction

RECIPES: tuple[str, ...] = get_args(Reproduction)
"""Names of the recipes that come with edgelpr."""

_PACKAGE = Path(edgelpr.__file__).resolve().parent
_FOLDER = Path("weights") / "recipes" / "paper"
_NOT_IN_A_PHASE = ("architecture",)


@dataclass(frozen=True)
class Variant:
    """One row of an ablation, or the only network of an experiment."""

    name: str
    """Names the folder of its runs: letters, digits, ``-``."""

    row: str
    """What the paper calls it."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    """What differs from the recipe, in pre-training and training alike: settings of ``TrainingConfig``."""


@dataclass(frozen=True)
class PaperRecipe:
    """How one table of the paper is trained.

    Raises:
        TrainingError: a value that makes no sense.
    """

    experiment: str
    """Name of the recipe."""

    table: int
    """Table of the paper that it reproduces."""

    data: PaperExperiment
    """Which data set tests, and how it falls into splits; see ``edgelpr.data.folds``."""

    plate_format: str
    """A built-in plate format."""

    training: Mapping[str, Any]
    """Settings of ``TrainingConfig`` on the real crops."""

    pretraining: Mapping[str, Any] | None = None
    """Settings of ``TrainingConfig`` on rendered plates before that; None starts with the real crops at once."""

    trained_on: PaperExperiment | None = None
    """Data set that trains where it is not ``data``."""

    network: str = "hpa-resnet18"
    """Which network is trained unless the user names another one."""

    seed: int = 0
    """Decides the weights, the samples and how Media Lab falls into parts."""

    variants: tuple[Variant, ...] = (Variant("standard", "HPA"),)
    """What is trained on each split."""

    def __post_init__(self) -> None:
        if self.table not in range(1, 7):
            raise TrainingError(f"table is {self.table}; expected one of the paper's tables 1 to 6")
        for name, value in (("data", self.data), ("trained_on", self.trained_on or self.data)):
            if value not in get_args(PaperExperiment):
                raise TrainingError(f"{name} is {value}; expected one of {', '.join(get_args(PaperExperiment))}")
        if self.network not in ARCHITECTURES:
            raise TrainingError(f"network is {self.network}; expected one of {', '.join(ARCHITECTURES)}")
        names = [variant.name for variant in self.variants]
        if not names or len(set(names)) < len(names):
            raise TrainingError(f"variants are {', '.join(names) or 'none'}; expected at least one, each name once")
        for variant in self.variants:
            for phase in self.phases:
                self.config(phase, variant, self.network)

    @property
    def phases(self) -> tuple[str, ...]:
        """``pretraining`` where there is one, then ``training``."""
        return ("training",) if self.pretraining is None else ("pretraining", "training")

    def config(self, phase: str, variant: Variant, network: str) -> TrainingConfig:
        """The configuration of one phase.

        Args:
            phase: one of ``phases``.
            variant: one of ``variants``.
            network: a name of ``ARCHITECTURES``.

        Raises:
            TrainingError: an unknown setting, or a value out of range.
        """
        settings = dict(getattr(self, phase) or {}) | dict(variant.settings)
        known = {setting.name for setting in fields(TrainingConfig)} - set(_NOT_IN_A_PHASE)
        unknown = sorted(str(key) for key in settings.keys() - known)
        if unknown:
            raise TrainingError(f"{phase}: unknown setting {', '.join(unknown)}; known: {', '.join(sorted(known))}")
        return make_config(None, settings | {"architecture": network, "seed": self.seed})


def find_paper_recipe(name: str) -> Path:
    """The file of a recipe that comes with edgelpr.

    Raises:
        UsageError: an unknown name, or the recipes were not installed.
    """
    if name not in RECIPES:
        raise UsageError(f"experiment '{name}' is unknown; choose one of {', '.join(RECIPES)}")
    for root in (_PACKAGE, _PACKAGE.parent):  # the installed package, then a clone
        path = root / _FOLDER / f"{name}.yaml"
        if path.is_file():
            return path
    raise UsageError(f"the recipe {_FOLDER / name}.yaml is not installed here; name a copy of it with --recipe FILE")


def read_paper_recipe(path: Path) -> PaperRecipe:
    """Read and check a recipe.

    Raises:
        TrainingError: not readable, not YAML, a key that is no field, or a value that makes no sense.
        MissingDependencyError: PyYAML is not installed.
    """
    yaml = require("yaml", "train", "reading a recipe")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise TrainingError(f"{path}: cannot be read as a recipe ({' '.join(str(error).split())})") from error
    try:
        _check_keys(PaperRecipe, values, "the recipe")
        if "variants" in values:
            values["variants"] = tuple(_variant(row) for row in _list(values["variants"]))
        return PaperRecipe(**values)
    except TrainingError as error:
        raise TrainingError(f"{path}: {error}") from error


def _variant(row: object) -> Variant:
    _check_keys(Variant, row, "a variant")
    assert isinstance(row, dict)  # _check_keys refuses anything else
    return Variant(**row)


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TrainingError(f"variants is {value!r}; expected a list")
    return value


def _check_keys(kind: type[PaperRecipe] | type[Variant], values: object, what: str) -> None:
    """Unknown, missing and wrongly typed keys are mistakes."""
    if not isinstance(values, dict):
        raise TrainingError(f"{what} is {values!r}; expected 'key: value' lines")
    known = {entry.name: entry for entry in fields(kind)}
    unknown = sorted(str(key) for key in values if key not in known)
    if unknown:
        raise TrainingError(f"{what} has the unknown key {', '.join(unknown)}; known: {', '.join(known)}")
    absent = [n for n, e in known.items() if e.default is MISSING and e.default_factory is MISSING and n not in values]
    if absent:
        raise TrainingError(f"{what} lacks {', '.join(absent)}")
    kinds = {"str": str, "int": int, "PaperExperiment": str, "Mapping": dict}
    for name, value in values.items():
        expected = next((kind for word, kind in kinds.items() if str(known[name].type).startswith(word)), object)
        if not isinstance(value, expected) and not (value is None and "None" in str(known[name].type)):
            raise TrainingError(f"{what}: {name} is {value!r}; expected {known[name].type}")
