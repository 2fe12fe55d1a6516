"""The networks that are compared, by name, with what one reading of theirs costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgelpr.benchmarks.fusion.trained import Trained, trained_of
from edgelpr.bundle.files import hash_file
from edgelpr.errors import UsageError
from edgelpr.models.checkpoint import load_checkpoint
from edgelpr.models.counting import count_multiply_adds, count_track_multiply_adds
from edgelpr.models.hpa import Hpa
from edgelpr.models.iq_stan import IqStan
from edgelpr.models.iq_stan_checkpoint import is_iq_stan, load_iq_stan
from edgelpr.models.weights import resolve_checkpoint
from edgelpr.plates.format import PlateFormat
from edgelpr.preprocessing.crop import Preprocessing


@dataclass(frozen=True, eq=False)
class Named:
    """A network under its name."""

    name: str
    """Of the weights, or of the checkpoint's file without its suffix."""

    network: Hpa | IqStan
    """On the CPU, in evaluation mode."""

    sha256: str
    """Of the checkpoint."""

    multiply_adds: int
    """Of one reading: one frame for HPA, up to five together for IQ-STAN, whose graph computes absent frames too."""

    trained: Trained | None = None
    """How its weights were trained; None where nobody says so."""

    @property
    def preprocessing(self) -> Preprocessing:
        """Of its pictures."""
        network = self.network
        return network.preprocessing if isinstance(network, IqStan) else Preprocessing.of(network.plate_format)

    @property
    def plate_format(self) -> PlateFormat:
        """What it can spell."""
        return self.network.plate_format

    def to_dict(self) -> dict[str, Any]:
        """What a result says of it."""
        described: dict[str, Any] = {"name": self.name, "architecture": self.network.config.name, "sha256": self.sha256}
        described["trained"] = None if self.trained is None else self.trained.to_dict()
        if isinstance(self.network, IqStan):
            fitted = self.network.confidence
            described["quality_use"] = self.network.config.quality
            described["confidence_coefficients"] = None if fitted is None else fitted.to_list()
        return described


def load_named(weights: str, name: str | None = None) -> Named:
    """A checkpoint of either kind.

    Args:
        weights: name or path.
        name: what to call it; by default as it is called.

    Raises:
        CheckpointError: there is none, or it or its card cannot be used.
        TrainingError: the recipe that its card names cannot be read.
    """
    path = resolve_checkpoint(weights)
    found = name or (Path(weights).stem if Path(weights).is_file() else weights)
    if is_iq_stan(path):
        network = load_iq_stan(path)
        return Named(found, network, hash_file(path)[0], count_track_multiply_adds(network), trained_of(path))
    single = load_checkpoint(path)
    return Named(found, single, hash_file(path)[0], count_multiply_adds(single), trained_of(path))


def load_tracks(weights: str, name: str | None = None) -> Named:
    """A checkpoint of IQ-STAN.

    Raises:
        CheckpointError, TrainingError: as by ``load_named``.
        UsageError: it reads single crops.
    """
    named = load_named(weights, name)
    if not isinstance(named.network, IqStan):
        raise UsageError(f"{weights}: reads single crops; expected a checkpoint of iq-stan here, others are for --single")
    return named


def check_together(networks: Sequence[Named]) -> None:
    """Networks that are compared spell the same plates and have names of their own.

    Raises:
        UsageError: they do not.
    """
    first = networks[0]
    for number, other in enumerate(networks[1:], start=1):
        same = all(
            getattr(other.plate_format, key) == getattr(first.plate_format, key) for key in ("alphabet", "positions", "void")
        )
        if not same:
            raise UsageError(
                f"{other.name} spells '{other.plate_format.name}' and {first.name} '{first.plate_format.name}'; "
                "compare networks of one plate format"
            )
        if any(other.name == before.name for before in networks[:number]):
            raise UsageError(f"two networks are called {other.name}; rename one of the checkpoints")
