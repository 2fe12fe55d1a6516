"""Labelled plates that ``edgelpr train`` mixes in or validates with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from edgelpr.cli.options import label_format_option, rectify_option

if TYPE_CHECKING:
    from edgelpr.data.labelled import LabelledCrop
    from edgelpr.plates.format import PlateFormat
    from edgelpr.training.real import RealSet
    from edgelpr.training.validating import Validation
    from edgelpr.types import LabelFormat

_F = TypeVar("_F", bound=Callable[..., Any])
_VALIDATES = ("val", "valid", "validation", "dev", "calibrate")
_SHOWN = 8


def real_options(function: _F) -> _F:
    """The fields of ``RealOptions`` by name."""
    for option in (
        click.option(
            "--validate-split",
            metavar="NAME",
            help="Part of them; all for every crop.  [default: the one called val, valid, validation, dev or calibrate, where "
            "labels name parts]",
        ),
        click.option(
            "--validate",
            type=click.Path(path_type=Path),
            help="Labelled crops to measure the averaged weights on at every save; the best weights are kept beside the last.",
        ),
        rectify_option,
        click.option(
            "--split",
            metavar="NAME",
            help="Part of the real crops; all for every crop.  [default: train, where labels name parts]",
        ),
        label_format_option,
        click.option(
            "--real",
            type=click.Path(path_type=Path),
            multiple=True,
            help="Labelled real crops to mix in; repeated, each set is drawn as often as the others.",
        ),
    ):
        function = option(function)
    return function


@dataclass(frozen=True)
class RealOptions:
    """What a user says of labelled plates."""

    real: tuple[Path, ...]
    """Labels of the crops to mix in, one set each."""

    label_format: LabelFormat
    """Of all of them."""

    split: str | None
    """Part of the crops to mix in; ``all`` for every one."""

    rectify: bool
    """Straighten plates by their corners where the labels give them."""

    validate: Path | None
    """Labels of the crops to validate with."""

    validate_split: str | None
    """Part of those; ``all`` for every one."""

    def sets(self, plate_format: PlateFormat) -> list[RealSet]:
        """The crops to mix in, one set a source.

        Raises:
            DataError: labels with a mistake, or no plate of that split.
            ImageError: a file that is not a usable crop.
        """
        from edgelpr.training.real import load_real_set

        sets = []
        for source in self.real:
            labelled = self._read(source)
            # Never the test part unasked: a figure measured on it later would mean nothing.
            part = self.split or ("train" if _parts(labelled) else "all")
            kept = _keep(labelled, part, source)
            sets.append(load_real_set(kept, plate_format.height_width[0], _name(source), part, self.rectify))
        return sets

    def validation(self, plate_format: PlateFormat) -> Validation | None:
        """The plates to validate with; None without a source.

        Raises:
            DataError: labels with a mistake, no plate of that split, or parts of which none is known to validate.
        """
        if self.validate is None:
            return None
        from edgelpr.training.validating import Validation

        labelled = self._read(self.validate)
        # Never train or test unasked: the best weights are chosen by these plates.
        part = self.validate_split or _validating_part(labelled, self.validate)
        name = _name(self.validate) if part == "all" else f"{_name(self.validate)}, {part} part"
        return Validation(_keep(labelled, part, self.validate), plate_format, name, self.rectify)

    def _read(self, source: Path) -> Sequence[LabelledCrop]:
        from edgelpr.data.labels import read_labels

        return read_labels(source, self.label_format)


def _parts(labelled: Sequence[LabelledCrop]) -> list[str]:
    """Names of parts, those of folders inside folders one by one."""
    return sorted({name for item in labelled if item.split for name in item.split.split("/")})


def _validating_part(labelled: Sequence[LabelledCrop], source: Path) -> str:
    parts = _parts(labelled)
    if not parts:
        return "all"
    found = [name for name in parts if name.lower() in _VALIDATES]
    if len(found) == 1:
        return found[0]
    from edgelpr.errors import DataError

    shown = ", ".join(parts[:_SHOWN]) + (f" and {len(parts) - _SHOWN} more" if len(parts) > _SHOWN else "")
    wanted = f"exactly one of {', '.join(_VALIDATES)}" if not found else "only one of those that validate"
    raise DataError(f"{source}: has the parts {shown}; expected {wanted}: name one with --validate-split, or all")


def _keep(labelled: Sequence[LabelledCrop], part: str, source: Path) -> Sequence[LabelledCrop]:
    from edgelpr.data.labels import keep_split

    return labelled if part == "all" else keep_split(labelled, part, source)


def _name(source: Path) -> str:
    """The folder and the file, for records that leave this machine."""
    return "/".join(source.resolve().parts[-2:])
