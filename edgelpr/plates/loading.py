"""Plate formats by name (built in) or from a user's YAML file."""

from __future__ import annotations

from pathlib import Path

from edgelpr.plates.format import PlateFormat
from edgelpr.plates.reading import read_values

BUILT_IN = ("aolp", "cn", "gr", "latin")
"""Names of the plate formats in the package."""


def load_plate_format(name_or_path: str | Path) -> PlateFormat:
    """A built-in plate format by name, or a user's from a YAML file.

    Raises:
        PlateFormatError: neither a known name nor a readable file, or a mistake in the file.
        MissingDependencyError: PyYAML is not installed.
    """
    values, source = read_values(name_or_path, "formats", BUILT_IN, "plate format")
    return PlateFormat.from_dict(values, source)
