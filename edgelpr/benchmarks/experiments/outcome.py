"""What one run of an experiment gave, beside the paper's figure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgelpr.benchmarks.experiments.published import Published
from edgelpr.errors import TrainingError
from edgelpr.training.config import TrainingConfig
from edgelpr.training.counted import CountedPlates

RESULT_FILE = "result.json"
"""Name inside the folder of a split; it is written last, so it says that the split is finished."""

AVERAGED = "medialab"
"""The experiment of which the paper gives the mean of its splits instead of each."""


@dataclass(frozen=True)
class Outcome(CountedPlates):
    """One network trained and tested on one split."""

    identity: Mapping[str, Any]
    """What decided the run: experiment, network, variant, split, settings, initialisation, the plates."""

    plates: int
    """Plates tested."""

    correct: int
    """Of them, read right as a whole."""

    published: Published | None
    """The paper's figure; None where it has none."""

    checkpoint: str
    """The network that was tested, relative to the folder of all runs."""

    data_sha256: str
    """Identity of the plates tested."""

    machine: Mapping[str, Any]
    """Where it ran, and with which versions."""

    warnings: tuple[str, ...] = ()
    """Labels of the test that the plate format cannot spell; they can only count as wrong."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: the fields, and the accuracy with its interval."""
        values = asdict(self) | {"warnings": list(self.warnings)}
        accuracy = {"plate_accuracy": self.plate_accuracy, "plate_accuracy_interval": list(self.plate_accuracy_interval)}
        return values | accuracy

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Outcome:
        """Take back what ``to_dict`` gave.

        Raises:
            KeyError, TypeError: something else.
        """
        published = values["published"]
        kept = {name: values[name] for name in ("identity", "plates", "correct", "checkpoint", "data_sha256", "machine")}
        found = None if published is None else Published(**published)
        return cls(**kept, published=found, warnings=tuple(values["warnings"]))


@dataclass(frozen=True)
class Pooled(CountedPlates):
    """All splits of one network and variant together, every plate counting the same."""

    network: str
    """Network."""

    variant: str
    """Row of an ablation, or ``standard``."""

    plates: int
    """Plates of all splits."""

    correct: int
    """Of them, read right."""

    mean_of_splits: float | None
    """Mean of the splits' accuracies, 0 to 1, which the paper reports of Media Lab; None elsewhere."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: the fields, and the accuracy with its interval."""
        accuracy = {"plate_accuracy": self.plate_accuracy, "plate_accuracy_interval": list(self.plate_accuracy_interval)}
        return asdict(self) | accuracy


def pool(outcomes: Sequence[Outcome]) -> Pooled:
    """The splits of one network and variant, at least one."""
    identity = outcomes[0].identity
    plates, correct = (sum(getattr(outcome, name) for outcome in outcomes) for name in ("plates", "correct"))
    mean = sum(outcome.plate_accuracy for outcome in outcomes) / len(outcomes)
    averaged = identity["experiment"] == AVERAGED
    return Pooled(identity["network"], identity["variant"], plates, correct, mean if averaged else None)


def _as_now(identity: Mapping[str, Any]) -> dict[str, Any]:
    """With the defaults of settings that the version did not know which wrote it; a run could not have had others."""
    settings = identity.get("settings")
    if not isinstance(settings, dict):
        return dict(identity)
    known = asdict(TrainingConfig())
    whole = {phase: known | values if isinstance(values, dict) else values for phase, values in settings.items()}
    return dict(identity) | {"settings": whole}


def read_outcome(folder: Path, identity: Mapping[str, Any]) -> Outcome | None:
    """The outcome that lies in the folder of a split; None when it is not finished.

    Raises:
        TrainingError: the file is damaged, or of a run with other settings.
    """
    path = folder / RESULT_FILE
    if not path.is_file():
        return None
    try:
        outcome = Outcome.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{path}: damaged, or not a result of 'edgelpr reproduce'; delete it to test again") from error
    ours = json.loads(json.dumps(identity))  # as it comes back from the file
    theirs = _as_now(outcome.identity)
    different = [f"{key} was {theirs.get(key)}, now {value}" for key, value in ours.items() if theirs.get(key) != value]
    if different:
        raise TrainingError(
            f"{path}: of a run with other settings or plates: {'; '.join(different)}. Use those, or another folder"
        )
    return outcome
