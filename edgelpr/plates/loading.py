"""Plate formats by name (built in) or from a user's YAML file."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from edgelpr.errors import PlateFormatError, require
from edgelpr.plates.format import PlateFormat

BUILT_IN = ("aolp", "cn", "gr", "latin")
"""Names of the plate formats in the package."""


def load_plate_format(name_or_path: str | Path) -> PlateFormat:
    """A built-in plate format by name, or a user's from a YAML file.

    Raises:
        PlateFormatError: neither a known name nor a readable file, or a mistake in the file.
        MissingDependencyError: PyYAML is not installed.
    """
    text = str(name_or_path)
    if text in BUILT_IN:
        content = (resources.files("edgelpr.plates") / "formats" / f"{text}.yaml").read_text(encoding="utf-8")
        return _parse(content, f"built-in plate format '{text}'")
    path = Path(text)
    try:
        if not path.is_file():
            raise PlateFormatError(
                f"plate format '{text}': no such file, and not one of the built-in formats {', '.join(BUILT_IN)}"
            )
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PlateFormatError(f"{path}: cannot be read as UTF-8 text ({error})") from error
    return _parse(content, str(path))


def _parse(content: str, source: str) -> PlateFormat:
    yaml = require("yaml", "export", "reading a plate format", package="pyyaml")
    try:
        values = yaml.safe_load(content)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise PlateFormatError(f"{source}: not valid YAML: {reason}") from error
    return PlateFormat.from_dict(values, source)
