"""Labelled plates that would make the gate's figure wrong: those that calibrated, and what else can be seen beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgelpr.benchmarks.verifying.tracks import pictures_of
from edgelpr.bundle.bundle import Bundle, read_json
from edgelpr.bundle.checking import hashes, typed
from edgelpr.calibration.alikeness import alikeness_of
from edgelpr.calibration.overlap import find_overlap
from edgelpr.calibration.record_parts import CALIBRATION, RecordedImages
from edgelpr.data.checking.looking import look_at
from edgelpr.data.checking.parts import LabelSet, parts_of
from edgelpr.data.checking.repeated import same_pictures
from edgelpr.data.checking.single import unfit_sizes
from edgelpr.data.labelled import LabelledCrop
from edgelpr.errors import BundleError, DataError
from edgelpr.plates.format import PlateFormat
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.training.scores import Evaluation

_SHOWN = 3


def refuse_calibration_plates(bundle: Bundle, labelled: Sequence[LabelledCrop], where: Path, split: str | None) -> None:
    """Refuse plates that the bundle was calibrated on: int8 fits them better than any others.

    A bundle without a record is not refused; nobody knows what it was calibrated on.

    Args:
        bundle: as opened.
        labelled: what is to be verified on; of tracks every frame counts.
        where: where the labels were read, for the message.
        split: which part of them, as the user chose.

    Raises:
        DataError: some were; the message names them and what to do.
        BundleError: the record cannot be used.
    """
    calibrated, pictures = _calibrated(bundle), pictures_of(labelled)
    overlap = find_overlap(calibrated, pictures) if calibrated else ()
    if overlap:
        shown = ", ".join(path.name for path in overlap[:_SHOWN]) + (", ..." if len(overlap) > _SHOWN else "")
        what = "plates" if len(pictures) == len(labelled) else "frames"
        raise DataError(
            f"{where}: {len(overlap)} of the {len(pictures)} {what} calibrated this bundle ({shown}), so a loss on them says "
            f"nothing about others. {_remedy(pictures, overlap, split)}"
        )


def graphs_chosen_on(bundle: Bundle, labelled: Sequence[LabelledCrop]) -> frozenset[str]:
    """Files of the graphs that keep layers which a bisection chose on some of these plates, and so read them too well.

    Raises:
        BundleError: the record cannot be used.
    """
    record = _recorded(bundle)
    chosen_on = hashes(record.get("chosen_on", []), f"{CALIBRATION}: chosen_on")
    if not chosen_on or not find_overlap(chosen_on, pictures_of(labelled)):
        return frozenset()
    kept = typed(record.get("kept"), dict, f"{CALIBRATION}: kept")
    return frozenset(f"{file}.onnx" for file, names in kept.items() if names)


def different_pictures(reference: Evaluation, preprocessing: Preprocessing, rectify: bool) -> int:
    """How many different pictures the plates are that fp32 reads right; one stored or cut anew counts once.

    Args:
        reference: what fp32 read.
        preprocessing: how a crop becomes the network's input.
        rectify: whether plates were straightened by their corners.
    """
    crops = [preprocessing.apply(score.crop.load(rectify)) for score in reference.scores if score.correct]
    return alikeness_of(np.stack(crops)).pictures if crops else 0


def find_mistakes(labelled: Sequence[LabelledCrop], plate_format: PlateFormat, where: Path) -> tuple[str, ...]:
    """One line for each picture that is there more than once and for sizes that are no crop's, a whole frame for example."""
    looks = list(look_at(parts_of([LabelSet(where.name, tuple(labelled))])))
    findings = [*same_pictures(looks), *unfit_sizes(looks, plate_format)]
    return tuple(f"{finding.what}: {finding.remedy}" for finding in findings)


def find_training_plates(labelled: Sequence[LabelledCrop]) -> str | None:
    """A sentence where parts are called as those that train a network: what it learnt by heart, rounding seldom changes."""
    parts = parts_of([LabelSet("", tuple(labelled))])
    training = [crop.split for crop, part in parts if crop.split and part.role == "train"]
    if not training:
        return None
    names = " or ".join(dict.fromkeys(training))
    return (
        f"{len(training)} of {len(labelled)} plates are of the part {names}: if they trained the network, they hide what is "
        "lost on others. Choose another part with --split"
    )


def _calibrated(bundle: Bundle) -> tuple[str, ...]:
    values = _recorded(bundle)
    return RecordedImages.from_dict(values.get("images"), f"{CALIBRATION}: images").sha256 if values else ()


def _recorded(bundle: Bundle) -> Mapping[str, Any]:
    """The record's plain values, empty without one; reading it whole would need onnx."""
    if CALIBRATION not in bundle.manifest.files:
        return {}
    path = bundle.file(CALIBRATION)
    try:
        return typed(read_json(path), dict, str(path))
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror or error}); check its permissions") from error


def _remedy(labelled: Sequence[LabelledCrop], overlap: Sequence[Path], split: str | None) -> str:
    again = "Verify on plates that had no part in it, or calibrate on others"
    if split is not None:
        return f"{again}; this is the part '{split}', is there another?"
    paths = set(overlap)
    parts = parts_of([LabelSet("", tuple(labelled))])
    taken = {crop.split for crop in labelled if crop.path in paths}
    # Plates that may have trained the network show less loss than new ones would.
    untouched = [crop.split for crop, part in parts if crop.split and crop.split not in taken and part.role != "train"]
    free = list(dict.fromkeys(untouched))
    if not free:
        return f"{again}."
    choices = " or ".join(f"--split {part}" for part in free)
    return f"None of them is in {'these parts' if len(free) > 1 else 'this part'}: {choices}"
