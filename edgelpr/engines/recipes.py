"""Recipes: what to build for a board, as a YAML file; those of the repository by name, a user's own by path."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_args

from edgelpr.bundle.checking import checked_keys, chosen, typed
from edgelpr.devices.board import jetson_module
from edgelpr.engines.modules import NAMES
from edgelpr.engines.options import BuildOptions
from edgelpr.engines.plain import plain, printable, printables
from edgelpr.engines.target import Target
from edgelpr.engines.workspace import parse_size
from edgelpr.errors import BundleError, UsageError, require
from edgelpr.types import EngineBackend, Precision

_PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class PowerMode:
    """A mode of a Jetson's `nvpmodel`."""

    name: str
    """As /etc/nvpmodel.conf has it; it decides, because numbers differ between images."""

    id: int
    """Number for ``nvpmodel -m``, where the image is the one that the recipe names."""


@dataclass(frozen=True)
class Recipe:
    """What to build for a board, and how to set it up."""

    name: str
    """The file's name without its suffix."""

    board: str
    """The board, for people; another Jetson than one that is named here costs a remark."""

    backend: EngineBackend
    """Inference engine."""

    tensorrt: str
    """Its version on the board, two parts: ``10.3``. Another first part costs a remark; the script is for just this one."""

    compute_capability: str | None
    """Of the board's GPU, such as ``sm87``; None: any. Another one costs a remark."""

    precision: Precision
    """Arithmetic of the engine."""

    options: BuildOptions
    """How to build it: ``batches``, ``workspace``, ``level`` and ``dla_core`` of the file."""

    power_mode: PowerMode | None
    """To be set before anything is measured; None: there is none to set."""

    script_only: bool
    """Whether the board cannot run this package, so that only `--script` serves it."""

    notes: tuple[str, ...]
    """What else to know."""

    def remarks(self, here: Target) -> tuple[str, ...]:
        """What speaks against building by this recipe for a target: it is for another GPU, another Jetson, or another TensorRT.

        Args:
            here: what is built for.
        """
        found = []
        built_for = ", ".join(here.compute_capabilities)
        if self.compute_capability is not None and here.compute_capabilities != (self.compute_capability,):
            found.append(f"The recipe {self.name} is for GPUs of {self.compute_capability} ({self.board}), not of {built_for}")
        elif self._is_of_another_board(here):
            found.append(
                f"The recipe {self.name} is for {self.board}, here is {here.board}: batches, memory and power mode may not suit"
            )
        version = self.tensorrt.partition(".")[0]
        if self.backend == here.backend and version != here.tensorrt_version.partition(".")[0]:
            found.append(f"The recipe {self.name} was written for {self.software}, here is {here.software}")
        return tuple(found)

    @property
    def software(self) -> str:
        """Name and version of the inference engine, for people."""
        return f"{NAMES[self.backend]} {self.tensorrt}"

    def _is_of_another_board(self, here: Target) -> bool:
        """Whether both sides name a Jetson, and not the same."""
        wanted, found = jetson_module(self.board), None if here.board is None else jetson_module(here.board)
        return None not in (wanted, found) and wanted != found

    @classmethod
    def from_dict(cls, values: Any, where: str) -> Recipe:
        """Build from the values of a file.

        Raises:
            UsageError: a missing or an unknown key, or a value that does not fit.
        """
        keys = [field.name for field in fields(cls) if field.name != "options"] + list(_OPTIONS)
        try:
            values = checked_keys(values, keys, where)
            capability, mode = values["compute_capability"], values["power_mode"]
            return cls(
                name=printable(values["name"], f"{where}: name"),
                board=printable(values["board"], f"{where}: board"),
                backend=chosen(values["backend"], get_args(EngineBackend), f"{where}: backend"),
                tensorrt=printable(values["tensorrt"], f"{where}: tensorrt"),
                compute_capability=None if capability is None else printable(capability, f"{where}: compute_capability"),
                precision=chosen(values["precision"], get_args(Precision), f"{where}: precision"),
                options=_options(values, where),
                power_mode=None if mode is None else _power_mode(mode, f"{where}: power_mode"),
                script_only=typed(values["script_only"], bool, f"{where}: script_only"),
                notes=printables(values["notes"], f"{where}: notes"),
            )
        except BundleError as error:
            raise UsageError(f"{plain(str(error))}. Mend the recipe; those in export/recipes/ show the form") from error


def recipe_names() -> tuple[str, ...]:
    """Names of the recipes that come with edgelpr."""
    return tuple(sorted(path.stem for folder in _folders() for path in folder.glob("*.yaml")))


def load_recipe(name_or_path: str | Path) -> Recipe:
    """A recipe by name, or a user's from a YAML file.

    Raises:
        UsageError: neither a known name nor a readable file, or a mistake in the file.
        MissingDependencyError: PyYAML is not installed.
    """
    path = _find(str(name_or_path))
    yaml = require("yaml", "export", "reading a recipe", package="pyyaml")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise UsageError(f"{path}: cannot be read as a recipe ({' '.join(str(error).split())})") from error
    return Recipe.from_dict(values, str(path))


_OPTIONS = ("batches", "workspace", "level", "dla_core")


def _find(name_or_path: str) -> Path:
    named = [folder / f"{name_or_path}.yaml" for folder in _folders()] if "/" not in name_or_path else []
    found = next((path for path in (*named, Path(name_or_path)) if path.is_file()), None)
    if found is None:
        known = ", ".join(recipe_names()) or "none were found"
        raise UsageError(f"recipe '{name_or_path}': no such file, and not one of the recipes {known}")
    return found


def _folders() -> Iterator[Path]:
    """In an installed package beside the code, in a clone in ``export/recipes``."""
    folders = [_PACKAGE / "export" / "recipes"]
    if (_PACKAGE.parent / "setup.cfg").is_file():
        folders.append(_PACKAGE.parent / "export" / "recipes")
    yield from (folder for folder in folders if folder.is_dir())


def _options(values: Any, where: str) -> BuildOptions:
    workspace = values["workspace"]
    named = {name: values[name] for name in ("batches", "level", "dla_core")}
    if workspace is not None:
        named["workspace_bytes"] = parse_size(typed(workspace, str, f"{where}: workspace"))
    return BuildOptions.from_dict(BuildOptions().to_dict() | named, where)


def _power_mode(value: Any, where: str) -> PowerMode:
    value = checked_keys(value, ("name", "id"), where)
    return PowerMode(printable(value["name"], f"{where}: name"), typed(value["id"], int, f"{where}: id"))
