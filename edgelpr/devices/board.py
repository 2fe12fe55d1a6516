"""Which board this is, by the device tree."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from edgelpr.devices.files import read_text, read_words

TREE = "proc/device-tree"
"""Below the root."""

_TEGRA = re.compile(r"nvidia,(tegra\d+)$")
_FAMILIES = {
    "tegra264": "Thor",
    "tegra234": "Orin",
    "tegra194": "Xavier",
    "tegra186": "TX2",
    "tegra210": "Nano or TX1",
}


# As NVIDIA's device trees, and other makers', write them somewhere in the model; longer names first.
_MODULES = ("Orin Nano", "Orin NX", "AGX Orin", "AGX Thor", "Xavier NX", "AGX Xavier", "TX2", "TX1", "Nano")


def jetson_module(model: str) -> str | None:
    """Which Jetson the name of a board is about: ``Orin Nano`` in ``Jetson Orin Nano Developer Kit``; None where it says none.

    Args:
        model: of a device tree, or as people write it.
    """
    words = " ".join(re.split(r"[^a-z0-9]+", model.lower()))
    return next((name for name in _MODULES if re.search(rf"\b{name.lower()}\b", words)), None)


@dataclass(frozen=True)
class Board:
    """What the device tree says of a board."""

    model: str
    """For people: ``NVIDIA Jetson Orin Nano Developer Kit``; empty where it has none."""

    compatible: tuple[str, ...]
    """From this very board to its chip: ``nvidia,p3768-0000+p3767-0005``, ..., ``nvidia,tegra234``."""

    @property
    def chip(self) -> str | None:
        """Like ``tegra234``; None of a board that is not NVIDIA's."""
        chips = [match[1] for match in map(_TEGRA.match, self.compatible) if match]
        return chips[-1] if chips else None

    @property
    def family(self) -> str | None:
        """Like ``Orin``; None of an unknown chip."""
        return _FAMILIES.get(self.chip or "")

    @property
    def jetson(self) -> str | None:
        """The model without the maker's name; None of a board that is not NVIDIA's, or has no name."""
        return None if self.chip is None else self.model.removeprefix("NVIDIA ").strip() or None

    @property
    def text(self) -> str:
        """For people: the model, and the chip where it is NVIDIA's."""
        model = self.model or (self.compatible[0] if self.compatible else "unknown board")
        return f"{model} ({self.chip})" if self.chip else model


def read_board(root: Path) -> Board | None:
    """The board; None where there is no device tree, as on a desktop."""
    model = read_text(root / TREE / "model")
    compatible = read_words(root / TREE / "compatible")
    if model is None and not compatible:
        return None
    return Board((model or "").replace("\0", " "), compatible)
