"""What `edgelpr build` is to build: the options of the command line over those of a recipe."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from edgelpr.cli.output import note
from edgelpr.errors import MissingDependencyError, UsageError
from edgelpr.types import EngineBackend, Precision

if TYPE_CHECKING:
    from edgelpr.engines.options import BuildOptions
    from edgelpr.engines.recipes import Recipe

_PRECISION: Precision = "fp32"
_COUNT = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class Choices:
    """A build, decided."""

    precision: Precision
    """Of the engine."""

    backend: EngineBackend | None
    """Inference engine; None: neither the command line nor a recipe names one."""

    options: BuildOptions
    """How to build."""

    recipe: Recipe | None
    """Where the rest comes from."""


def choose(
    name: str | None,
    precision: Precision | None,
    backend: EngineBackend | None,
    given: dict[str, Any],
    default: BuildOptions,
) -> Choices:
    """Put the command line over a recipe, and both over the defaults.

    Args:
        name: of the recipe.
        precision: None: the recipe's, else fp32.
        backend: None: the recipe's.
        given: fields of ``BuildOptions`` that the command line names.
        default: of the bundle.

    Raises:
        UsageError: an unknown recipe or a mistake in it, or options that exclude each other.
    """
    from edgelpr.engines.recipes import load_recipe

    recipe = None if name is None else load_recipe(name)
    options = replace(default if recipe is None else recipe.options, **given)
    if recipe is not None:
        note(f"Recipe {recipe.name}: {recipe.board}, {recipe.software}")
        for line in recipe.notes:
            note(f"  {line}")
        if recipe.power_mode is not None:
            note(f"  before measuring: sudo nvpmodel -m {recipe.power_mode.id} ({recipe.power_mode.name}), sudo jetson_clocks")
    return Choices(
        precision or (_PRECISION if recipe is None else recipe.precision),
        backend or (None if recipe is None else recipe.backend),
        options,
        recipe,
    )


def pick_backend(choices: Choices) -> EngineBackend:
    """The inference engine: as chosen, else the one that is installed, TensorRT first; said where it was not chosen.

    Raises:
        MissingDependencyError: none is named and none is installed.
    """
    from edgelpr.engines.modules import NAMES, installed_backends

    if choices.backend is not None:
        return choices.backend
    if choices.options.targets:
        return "tensorrt-rtx"
    installed = installed_backends()
    if not installed:
        raise MissingDependencyError(
            "neither TensorRT nor TensorRT-RTX is installed for this Python. A Jetson has it from JetPack ('edgelpr doctor' "
            "says what hides it); for an x86-64 machine run: pip install '.[tensorrt]' in a clone of edgelpr"
        )
    other = " (installed as well: --backend tensorrt-rtx)" if len(installed) > 1 else ""
    note(f"Backend: {NAMES[installed[0]]}, which is installed{other}")
    return installed[0]


def parse_batches(text: str) -> tuple[int, int, int]:
    """Smallest, usual and largest batch of ``1,8,32``, or of ``8``: that one only.

    Raises:
        UsageError: not such a list.
    """
    parts = text.split(",")
    if len(parts) not in (1, 3) or not all(_COUNT.fullmatch(part.strip()) for part in parts):
        raise UsageError(f"--batch '{text}': expected smallest, usual, largest, as in 1,8,32, or one number for one size only")
    counts = [int(part) for part in parts] * (3 // len(parts))
    return counts[0], counts[1], counts[2]


@contextmanager
def showing_log(wanted: bool) -> Iterator[None]:
    """Show TensorRT's own log on stderr, where that is wanted."""
    if not wanted:
        yield
        return
    from edgelpr.engines.speaking import LOGGER

    handler, level = logging.StreamHandler(), LOGGER.level
    handler.setFormatter(logging.Formatter("[%(levelname)s] %(message)s"))
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)
        LOGGER.setLevel(level)
