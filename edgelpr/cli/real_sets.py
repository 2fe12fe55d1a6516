"""Labelled plates that ``edgelpr train`` mixes in or validates with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from edgelpr.cli.options import label_format_option

if TYPE_CHECKING:
    from edgelpr.data.labelled import LabelledCrop
    from edgelpr.plates.format import PlateFormat
    from edgelpr.training.real import RealSet
    from edgelpr.training.validating import Validation
    from edgelpr.types import LabelFormat

_F = TypeVar("_F", bound=Callable[..., Any])


def real_options(function: _F) -> _F:
    """``real: tuple[Path, ...]``, ``label_format: LabelFormat``, ``split``, ``validate`` and ``validate_split``."""
    for option in (
        click.option("--validate-split", metavar="NAME", help="Part of them; all for every crop.  [default: all]"),
        click.option(
            "--validate",
            type=click.Path(path_type=Path),
            help="Labelled crops to measure the averaged weights on at every save; the best weights are kept beside the last.",
        ),
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


def real_sets(sources: tuple[Path, ...], label_format: LabelFormat, split: str | None) -> list[RealSet]:
    """The crops to mix in, one set a source.

    Raises:
        DataError: labels with a mistake, or no plate of that split.
        ImageError: a file that is not a usable crop.
    """
    from edgelpr.data.labels import keep_split, read_labels
    from edgelpr.training.real import RealSet

    sets = []
    for source in sources:
        labelled: Sequence[LabelledCrop] = read_labels(source, label_format)
        # Never the test part unasked: a figure measured on it later would mean nothing.
        part = split or ("train" if any(item.split for item in labelled) else "all")
        if part != "all":
            labelled = keep_split(labelled, part, source)
        sets.append(RealSet(tuple((item.load(), item.plate) for item in labelled), _name(source)))
    return sets


def validation_plates(
    source: Path | None, label_format: LabelFormat, split: str | None, plate_format: PlateFormat
) -> Validation | None:
    """The plates to validate with; None without a source.

    Raises:
        DataError: labels with a mistake, or no plate of that split.
    """
    if source is None:
        return None
    from edgelpr.data.labels import keep_split, read_labels
    from edgelpr.training.validating import Validation

    labelled: Sequence[LabelledCrop] = read_labels(source, label_format)
    part = "" if split in (None, "all") else f", {split} part"
    if split is not None and part:
        labelled = keep_split(labelled, split, source)
    return Validation(labelled, plate_format, f"{_name(source)}{part}")


def _name(source: Path) -> str:
    """The folder and the file, for records that leave this machine."""
    return "/".join(source.resolve().parts[-2:])
