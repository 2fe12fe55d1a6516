"""Patterns: which characters may stand at each position of one country's plates, apart from the plate format.

Off unless asked for. There is none for all of ``latin``, which holds any country's plates: ``br`` narrows it to one country.
There is none for ``aolp``: its alphabet has neither O nor I, and the group of two characters, which stands first or last on
Taiwanese plates, mixes letters and digits.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from edgelpr.errors import PlateFormatError
from edgelpr.plates.format import PlateFormat
from edgelpr.plates.reading import read_values

BUILT_IN_PATTERNS = ("br", "br-grey", "cn", "gr")
"""Names of the patterns in the package."""


@dataclass(frozen=True)
class Pattern:
    """What a plate format may spell, narrowed to some of its plates."""

    name: str
    """Identifier."""

    plate_format: str
    """Name of the plate format that it narrows."""

    covers: str
    """Which plates follow it and which do not; those that do not are misread."""

    pattern: tuple[str, ...]
    """As ``PlateFormat.pattern``: allowed characters for each position; an empty text where no plate reaches."""

    shortest: int | None = None
    """As ``PlateFormat.shortest``."""

    def apply(self, plate_format: PlateFormat) -> PlateFormat:
        """The plate format with this pattern; classes and positions stay as they are.

        Raises:
            PlateFormatError: another plate format than the pattern is for, or one that it does not fit.
        """
        if plate_format.name != self.plate_format:
            raise PlateFormatError(
                f"pattern '{self.name}' is for the plate format '{self.plate_format}', and this is '{plate_format.name}'; "
                f"choose another pattern or leave it out"
            )
        try:
            return replace(plate_format, pattern=self.pattern, shortest=self.shortest)
        except PlateFormatError as error:
            raise PlateFormatError(f"pattern '{self.name}' does not fit: {error}") from error


def load_pattern(name_or_path: str | Path) -> Pattern:
    """A built-in pattern by name, or a user's from a YAML file with the fields of ``Pattern``.

    Raises:
        PlateFormatError: neither a known name nor a readable file, or a mistake in the file.
        MissingDependencyError: PyYAML is not installed.
    """
    values, source = read_values(name_or_path, "patterns", BUILT_IN_PATTERNS, "pattern")
    return _build(values, source)


def _build(values: Any, source: str) -> Pattern:
    if not isinstance(values, dict):
        raise PlateFormatError(f"{source}: expected 'key: value' lines, found {type(values).__name__}")
    known = [field.name for field in fields(Pattern)]
    unknown = sorted(str(key) for key in set(values) - set(known))
    missing = [key for key in known if key not in values and key != "shortest"]
    if unknown or missing:
        what = f"unknown key {', '.join(unknown)}" if unknown else f"missing key {', '.join(missing)}"
        raise PlateFormatError(f"{source}: {what}; known keys: {', '.join(known)}")
    for key in ("name", "plate_format", "covers"):
        if not isinstance(values[key], str) or not values[key].strip():
            raise PlateFormatError(f"{source}: {key} is {values[key]!r}; expected text")
    pattern = values["pattern"]
    if not isinstance(pattern, list) or not all(isinstance(item, str) for item in pattern):
        raise PlateFormatError(f'{source}: pattern is {pattern!r}; expected a list of texts (quote digits: "0123456789")')
    return Pattern(**{**values, "pattern": tuple(pattern)})
