"""Labelled plates from any of the supported layouts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from edgelpr.data.labelled import LabelledCrop
from edgelpr.data.readers.aolp import read_aolp
from edgelpr.data.readers.ccpd import read_ccpd
from edgelpr.data.readers.clpd import read_clpd
from edgelpr.data.readers.medialab import read_medialab
from edgelpr.data.readers.names import read_names
from edgelpr.data.readers.table import read_table
from edgelpr.errors import DataError
from edgelpr.types import LabelFormat

__all__ = ["LabelledCrop", "keep_split", "read_labels"]

_FOLDER_READERS: dict[str, Callable[[Path], list[LabelledCrop]]] = {
    "names": read_names,
    "ccpd": read_ccpd,
    "clpd": read_clpd,
    "aolp": read_aolp,
    "medialab": read_medialab,
}


def read_labels(path: str | Path, format: LabelFormat = "csv", split: str | None = None) -> tuple[LabelledCrop, ...]:
    """Labelled plates, in the order of the CSV or sorted by path.

    Args:
        path: a CSV (or the folder that holds ``labels.csv``) for ``csv``, a folder for the other formats.
        format: how the labels are stored.
        split: keep only this part: a value of the column ``split``, or the name of a folder below ``path``.

    Raises:
        DataError: nothing there, a mistake in the labels (with the line or the file), or no plate of that split.
    """
    place = Path(path)
    if not place.exists():
        raise DataError(f"{place}: no such file or folder; expected labels of plates")
    labelled = _read_csv(place) if format == "csv" else _read_folder(place, format)
    return tuple(labelled if split is None else keep_split(labelled, split, place))


def _read_csv(place: Path) -> list[LabelledCrop]:
    if not place.is_dir():
        return read_table(place)
    if not (place / "labels.csv").is_file():
        others = "|".join(_FOLDER_READERS)
        raise DataError(f"{place}: a folder without labels.csv; name a CSV, or how the folder is labelled: --format {others}")
    return read_table(place / "labels.csv")


def _read_folder(place: Path, format: str) -> list[LabelledCrop]:
    if not place.is_dir():
        raise DataError(f"{place}: a file; the label format '{format}' expects a folder of images")
    labelled = _FOLDER_READERS[format](place)
    if not labelled:
        raise DataError(f"{place}: no image in this folder or below it; expected plates labelled as '{format}'")
    return labelled


def keep_split(labelled: Sequence[LabelledCrop], split: str, place: Path) -> list[LabelledCrop]:
    """Only the plates of a part, in their order.

    Args:
        labelled: what ``read_labels`` gave.
        split: as there.
        place: where they were read, for the message.

    Raises:
        DataError: no plate of that split; the message lists those there are.
    """
    chosen = [crop for crop in labelled if crop.split is not None and split in (crop.split, *crop.split.split("/"))]
    if not chosen:
        found = sorted({crop.split for crop in labelled if crop.split})
        raise DataError(f"{place}: no plate of the split '{split}'; splits found: {', '.join(found) or 'none'}")
    return chosen
