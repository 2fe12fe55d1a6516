"""YAML files of the package by name, or a user's own by path."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from edgelpr.errors import PlateFormatError, require


def read_values(name_or_path: str | Path, folder: str, built_in: Sequence[str], what: str) -> tuple[Any, str]:
    """What stands in a YAML file, unchecked, and where it comes from.

    Args:
        name_or_path: a built-in name, or the path of a user's file.
        folder: of the built-in files, beside this one.
        built_in: names of the files in it.
        what: kind of file, for messages.

    Raises:
        PlateFormatError: neither a known name nor a readable file, or not YAML.
        MissingDependencyError: PyYAML is not installed.
    """
    text = str(name_or_path)
    if text in built_in:
        content = (resources.files("edgelpr.plates") / folder / f"{text}.yaml").read_text(encoding="utf-8")
        source = f"built-in {what} '{text}'"
        return _parse(content, source, what), source
    path = Path(text)
    try:
        if not path.is_file():
            known = ", ".join(built_in)
            raise PlateFormatError(f"{what} '{text}': no such file, and not one of the built-in {folder} {known}")
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PlateFormatError(f"{path}: cannot be read as UTF-8 text ({error})") from error
    return _parse(content, str(path), what), str(path)


def _parse(content: str, source: str, what: str) -> Any:
    yaml = require("yaml", "export", f"reading a {what}", package="pyyaml")
    try:
        return yaml.safe_load(content)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise PlateFormatError(f"{source}: not valid YAML: {reason}") from error
