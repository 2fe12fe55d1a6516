"""The papers' experiments: which plates train and which test.

Source: HPA paper, section "Datasets".
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgelpr.data.labelled import LabelledCrop
from edgelpr.errors import DataError
from edgelpr.types import PaperExperiment

AOLP_SUBSETS = ("AC", "LE", "RP")
"""Access control, law enforcement, road patrol."""

_MEDIALAB_PARTS = 4
_BASE = "ccpd_base"
_BASE_TEST = ("val", "test")


@dataclass(frozen=True)
class Fold:
    """One training and the plates it is tested on."""

    name: str
    """What is tested: a subset of AOLP, the number of a Media Lab part, or the data set."""

    train: tuple[LabelledCrop, ...]
    """Plates to train on; empty where another data set trains."""

    test: tuple[LabelledCrop, ...]
    """Plates to test on; none of them is in ``train``."""


def paper_folds(experiment: PaperExperiment, labelled: Sequence[LabelledCrop], seed: int = 0) -> tuple[Fold, ...]:
    """The trainings of one of the papers' experiments.

    - ``aolp``: three, each trained on two subsets and tested on the third.
    - ``medialab``: four; the normal subset falls into four even parts at random, three of them and the difficult
      subset train, the remaining one tests.
    - ``ccpd``: one, by the official split files of CCPD-base. Their 100 000 images that do not train stand in
      ``val.txt``: they are the test, since ``test.txt`` holds the other subsets only.
    - ``clpd``: one, every plate tests. It is trained on CCPD-base, which the caller adds.

    Args:
        experiment: which one.
        labelled: what ``read_labels`` gave for that data set; ``split`` names the subset.
        seed: decides the parts of ``medialab``; the same plates in any order give the same parts. Not used elsewhere.

    Raises:
        DataError: a subset or a part that the experiment needs has no plate.
    """
    return _FOLDS[experiment](labelled, seed)


def _aolp(labelled: Sequence[LabelledCrop], _seed: int) -> tuple[Fold, ...]:
    subsets = {name: _of_split(labelled, name) for name in AOLP_SUBSETS}
    _require(subsets, "AOLP", "folders AC, LE and RP")
    return tuple(
        Fold(name, tuple(crop for other in AOLP_SUBSETS if other != name for crop in subsets[other]), subsets[name])
        for name in AOLP_SUBSETS
    )


def _medialab(labelled: Sequence[LabelledCrop], seed: int) -> tuple[Fold, ...]:
    subsets = {name: _of_split(labelled, name) for name in ("normal", "difficult")}
    _require(subsets, "Media Lab", "folders normal and difficult")
    normal = sorted(subsets["normal"], key=lambda crop: (crop.path.name, crop.plate, str(crop.path)))
    if len(normal) < _MEDIALAB_PARTS:
        raise DataError(f"Media Lab: {len(normal)} plates in the normal subset; expected at least one for each of four parts")
    random.Random(seed).shuffle(normal)
    parts = [tuple(normal[start::_MEDIALAB_PARTS]) for start in range(_MEDIALAB_PARTS)]
    return tuple(
        Fold(str(number), tuple(crop for other in parts if other is not part for crop in other) + subsets["difficult"], part)
        for number, part in enumerate(parts, start=1)
    )


def _ccpd(labelled: Sequence[LabelledCrop], _seed: int) -> tuple[Fold, ...]:
    base = _of_split(labelled, _BASE) or tuple(labelled)
    parts = {"train": _of_split(base, "train"), "val": _of_split(base, *_BASE_TEST)}
    _require(parts, "CCPD-base", "the official split files splits/train.txt and splits/val.txt")
    return (Fold("ccpd-base", parts["train"], parts["val"]),)


def _clpd(labelled: Sequence[LabelledCrop], _seed: int) -> tuple[Fold, ...]:
    _require({"test": tuple(labelled)}, "CLPD", "CLPD.csv beside its images")
    return (Fold("clpd", (), tuple(labelled)),)


def _of_split(labelled: Sequence[LabelledCrop], *names: str) -> tuple[LabelledCrop, ...]:
    wanted = {name.lower() for name in names}
    return tuple(crop for crop in labelled if crop.split and wanted & set(crop.split.lower().split("/")))


def _require(subsets: dict[str, tuple[LabelledCrop, ...]], data: str, expected: str) -> None:
    absent = [name for name, crops in subsets.items() if not crops]
    if absent:
        raise DataError(f"{data}: no plate of {' and '.join(absent)}; expected {expected} where the labels are read from")


_FOLDS: dict[PaperExperiment, Callable[[Sequence[LabelledCrop], int], tuple[Fold, ...]]] = {
    "aolp": _aolp,
    "medialab": _medialab,
    "ccpd": _ccpd,
    "clpd": _clpd,
}
