"""Parts of the calibration record: its images, the tracks they are frames of, and the trials its methods were chosen by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, get_args

from edgelpr.bundle.checking import checked_keys, chosen, hashes, number, texts, typed
from edgelpr.errors import CalibrationError
from edgelpr.types import Int8File, RangeMethod

CALIBRATION = "calibration.json"
"""Name of the record inside a bundle."""


@dataclass(frozen=True)
class RecordedImages:
    """The images that the ranges were collected on.

    Raises:
        CalibrationError: numbers that contradict each other.
    """

    found: int
    """How many usable images there were."""

    seed: int
    """Seed of the choice among them."""

    sha256: tuple[str, ...]
    """Hash of the pixels of each image used, 64 lower-case hexadecimal digits."""

    names: tuple[str, ...] = ()
    """Their names in the same order, or none where names are not to be kept."""

    def __post_init__(self) -> None:
        if self.found < self.count or (self.names and len(self.names) != self.count):
            raise CalibrationError(
                f"calibration record: {self.count} images used, {len(self.names)} names, {self.found} images found; expected a "
                "name for each image used, or none, and at least as many found"
            )

    @property
    def count(self) -> int:
        """How many were used."""
        return len(self.sha256)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; ``from_dict`` takes them back."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Any, where: str) -> RecordedImages:
        """Build from plain values.

        Raises:
            BundleError: a missing or an unknown key, or a value that does not fit.
            CalibrationError: numbers that contradict each other.
        """
        values = checked_keys(values, [field.name for field in fields(cls)], where)
        return cls(
            found=typed(values["found"], int, f"{where}: found"),
            seed=typed(values["seed"], int, f"{where}: seed"),
            sha256=hashes(values["sha256"], f"{where}: sha256"),
            names=texts(values["names"], f"{where}: names"),
        )


@dataclass(frozen=True)
class RecordedTracks:
    """The tracks that the images are frames of, or were made into; of a network that reads tracks.

    Raises:
        CalibrationError: numbers that contradict each other.
    """

    count: int
    """How many there were."""

    made: int
    """How many of them were made from a single crop each; the others were filmed."""

    frames: int
    """Frames of all of them."""

    making: Mapping[str, Any] | None = None
    """How they were made: seed, hardness and more, ``MadeTracks.to_dict()``; None where all were filmed."""

    def __post_init__(self) -> None:
        if not (0 <= self.made <= self.count <= self.frames) or (self.making is None) != (self.made == 0):
            raise CalibrationError(
                f"calibration record: {self.count} tracks of {self.frames} frames, {self.made} of them made by {self.making}; "
                "expected a frame a track or more, and how tracks were made where some were, only there"
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; ``from_dict`` takes them back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Any, where: str) -> RecordedTracks:
        """Build from plain values.

        Raises:
            BundleError: a missing or an unknown key, or a value that does not fit.
            CalibrationError: numbers that contradict each other.
        """
        values = checked_keys(values, [field.name for field in fields(cls)], where)
        making = values["making"]
        return cls(
            count=typed(values["count"], int, f"{where}: count"),
            made=typed(values["made"], int, f"{where}: made"),
            frames=typed(values["frames"], int, f"{where}: frames"),
            making=None if making is None else typed(making, dict, f"{where}: making"),
        )


@dataclass(frozen=True)
class Trial:
    """What a method cost one file on images that the ranges did not come from."""

    file: Int8File
    """Which file was tried."""

    method: RangeMethod
    """How its ranges were chosen."""

    changed_readings: int
    """Plates that were read otherwise than by fp32."""

    mean_shift: float
    """Mean absolute difference of a character's probability from fp32's, 0 to 1."""

    held_out: int
    """Plates that were compared."""

    @classmethod
    def from_dict(cls, values: Any, where: str) -> Trial:
        """Build from plain values.

        Raises:
            BundleError: a missing or an unknown key, or a value that does not fit.
        """
        values = checked_keys(values, [field.name for field in fields(cls)], where)
        return cls(
            file=chosen(values["file"], get_args(Int8File), f"{where}: file"),
            method=chosen(values["method"], get_args(RangeMethod), f"{where}: method"),
            changed_readings=typed(values["changed_readings"], int, f"{where}: changed_readings"),
            mean_shift=number(values["mean_shift"], f"{where}: mean_shift"),
            held_out=typed(values["held_out"], int, f"{where}: held_out"),
        )
