"""What decides the outcome of a run, as plain values: resuming with anything else would mix two runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgelpr.bundle.files import hash_file
from edgelpr.data.rendering.samples import Renderer
from edgelpr.data.rendering.tracks.tracks import GENERATOR_VERSION
from edgelpr.training.config import TrainingConfig
from edgelpr.training.real import RealSet, real_identity
from edgelpr.training.rendered import RenderedSource

_DRAWN = "rendered_plates"


def identity_of(
    config: TrainingConfig, renderer: Renderer, real: Sequence[RealSet], start_from: Path | None, teacher: Path | None
) -> dict[str, Any]:
    """Settings, plates and the hashes of rendered plates, crops and checkpoints, by name.

    Raises:
        DataError: the glyphs lack a character of the format.
    """
    plates = {"plate_format": renderer.plate_format.to_dict(), "glyphs": renderer.description}
    drawn = {_DRAWN: RenderedSource(renderer, config.seed).identity()}
    crops = {"real_crops": real_identity(real), "rectify": any(each.rectify for each in real)}
    files = {"start_from": _hash(start_from), "teacher": _hash(teacher)}
    tracks = {"tracks": GENERATOR_VERSION} if config.track_frames else {}
    return asdict(config) | plates | drawn | crops | files | tracks


def absent_values(ours: Mapping[str, Any]) -> dict[str, Any]:
    """What a setting was in the state of an earlier version that did not know it: its default.

    How that version drew its plates cannot be known: as ours does, for want of better.

    Args:
        ours: identity of the run that goes on.
    """
    return asdict(TrainingConfig()) | {"teacher": None, "rectify": False, _DRAWN: ours.get(_DRAWN)}


def _hash(path: Path | None) -> str | None:
    return None if path is None else hash_file(path)[0]
