"""What decides the outcome of a run, as plain values: resuming with anything else would mix two runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgelpr.bundle.files import hash_file
from edgelpr.data.rendering.samples import Renderer
from edgelpr.training.config import TrainingConfig
from edgelpr.training.real import RealSet, real_identity


def identity_of(
    config: TrainingConfig, renderer: Renderer, real: Sequence[RealSet], start_from: Path | None, teacher: Path | None
) -> dict[str, Any]:
    """Settings, plates and the hashes of crops and checkpoints, by name."""
    plates = {"plate_format": renderer.plate_format.to_dict(), "glyphs": renderer.description}
    files = {"start_from": _hash(start_from), "teacher": _hash(teacher)}
    return asdict(config) | plates | {"real_crops": real_identity(real)} | files


def absent_values() -> dict[str, Any]:
    """What a setting was in the state of an earlier version that did not know it: its default."""
    return asdict(TrainingConfig()) | {"teacher": None}


def _hash(path: Path | None) -> str | None:
    return None if path is None else hash_file(path)[0]
