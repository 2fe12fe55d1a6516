"""Tracks as folders of frames."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from edgelpr.data.folders import find_images


def tracks_in_folder(folder: Path) -> dict[Path, list[Path]]:
    """Frames by folder: each folder that holds images itself is a track; folders and frames as people count."""
    frames: dict[Path, list[Path]] = {}
    for image in find_images(folder):
        frames.setdefault(image.parent, []).append(image)
    return {place: in_order(frames[place]) for place in in_order(frames)}


def in_order(paths: Iterable[Path]) -> list[Path]:
    """Sorted as people count: frame 2 before frame 10."""
    return sorted(paths, key=lambda path: [(len(part), part) if part.isdigit() else (0, part) for part in _parts(path)])


def _parts(path: Path) -> list[str]:
    return re.split(r"(\d+)", str(path).lower())
