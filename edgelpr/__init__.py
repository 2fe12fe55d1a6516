"""edgelpr: a trained licence-plate reader, from PyTorch to a board.

Importing this package loads nothing heavy: each public name is fetched from its module on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgelpr.bundle.bundle import Bundle
    from edgelpr.errors import EdgelprError
    from edgelpr.plates.format import PlateFormat
    from edgelpr.plates.loading import load_plate_format
    from edgelpr.runtime.reading import CharacterReading, Reading
    from edgelpr.runtime.recognizer import Recognizer
    from edgelpr.runtime.tracks.reading import TrackReading
    from edgelpr.runtime.tracks.recognizer import TrackRecognizer
    from edgelpr.runtime.tracks.track import PlateTrack

__version__ = "0.2.0.dev0"

_HOMES = {
    "Bundle": "edgelpr.bundle.bundle",
    "CharacterReading": "edgelpr.runtime.reading",
    "EdgelprError": "edgelpr.errors",
    "PlateFormat": "edgelpr.plates.format",
    "PlateTrack": "edgelpr.runtime.tracks.track",
    "Reading": "edgelpr.runtime.reading",
    "Recognizer": "edgelpr.runtime.recognizer",
    "TrackReading": "edgelpr.runtime.tracks.reading",
    "TrackRecognizer": "edgelpr.runtime.tracks.recognizer",
    "load_plate_format": "edgelpr.plates.loading",
}

__all__ = [
    "Bundle",
    "CharacterReading",
    "EdgelprError",
    "PlateFormat",
    "PlateTrack",
    "Reading",
    "Recognizer",
    "TrackReading",
    "TrackRecognizer",
    "__version__",
    "load_plate_format",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'edgelpr' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
