"""Other public readers on the same plates: published shares, and how ours differs from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgelpr.errors import DataError, require
from edgelpr.training.counted import CountedPlates
from edgelpr.training.unpaired import fisher_exact, newcombe_interval

_ROUNDING = 0.05 + 1e-9
"""Shares are given in per cent with one decimal."""


@dataclass(frozen=True)
class Peer(CountedPlates):
    """A reader on one set of plates."""

    name: str
    """Project, and its author where the name is shared by several."""

    correct: int
    """Plates read right, recovered from the share."""

    plates: int
    """Plates of the set."""

    def against(self, correct: int, plates: int) -> dict[str, Any]:
        """How ours differs, as two independent samples: their readings plate by plate are not at hand.

        Args:
            correct: plates that ours read right.
            plates: how many it read.
        """
        theirs, ours = (self.correct, self.plates), (correct, plates)
        return {
            "name": self.name,
            "correct": self.correct,
            "plate_accuracy": self.plate_accuracy,
            "plate_accuracy_interval": list(self.plate_accuracy_interval),
            "difference": correct / plates - self.plate_accuracy,
            "difference_interval": list(newcombe_interval(theirs, ours)),
            "p_value": fisher_exact(theirs, ours),
            "paired": False,
        }


def load_peers(path: Path) -> dict[str, tuple[Peer, ...]]:
    """Peers by set, from ``benchmarks/suites/peers.yaml``.

    Raises:
        DataError: the file cannot be read, or a share that no count of the set's plates rounds to.
        MissingDependencyError: PyYAML is not installed.
    """
    yaml = require("yaml", "export", "reading the peers' figures", package="pyyaml")
    try:
        sets = yaml.safe_load(path.read_text(encoding="utf-8"))
        return {name: _peers(path, name, each) for name, each in sets.items()}
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: expected sets with 'plates' and 'right: name: per cent' ({error})") from error


def _peers(path: Path, name: str, values: Mapping[str, Any]) -> tuple[Peer, ...]:
    plates = values["plates"]
    if type(plates) is not int or plates < 1:
        raise DataError(f"{path}: plates of {name} is {plates!r}; expected how many plates the set has, a whole number from 1")
    peers = tuple(Peer(str(peer), round(share * plates / 100), plates) for peer, share in values["right"].items())
    for peer, share in zip(peers, values["right"].values()):
        if abs(100 * peer.correct / plates - share) > _ROUNDING:
            raise DataError(f"{path}: {peer.name} on {name}: no number of {plates} plates is {share} %; correct the share")
    return peers
