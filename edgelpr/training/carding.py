"""The card of a finished run: what the weights are and how they came to be, for machines and for people."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from edgelpr import __version__
from edgelpr.atomic import write_atomically
from edgelpr.bundle.files import hash_file
from edgelpr.data.rendering.samples import Renderer
from edgelpr.errors import TrainingError
from edgelpr.training.config import TrainingConfig
from edgelpr.training.real import RealSet

CARD_FILE = "card.json"
"""For machines, in the folder of a run; its form is that of ``weights/NAME/card.json``."""

README_FILE = "README.md"
"""The same for people."""


@dataclass(frozen=True)
class Origin:
    """Where a run's weights come from, as far as it is known before it starts."""

    config: TrainingConfig
    """Settings, as they were used."""

    renderer: Renderer
    """Of the rendered plates."""

    real: Sequence[RealSet]
    """Real crops mixed in."""

    start_from: Path | None
    """Checkpoint it began with."""

    teacher: Path | None
    """Network it learnt from."""

    recipe: Path | None = None
    """File that settings were read from."""

    def to_dict(self) -> dict[str, Any]:
        """The part of the card that does not depend on how the run went."""
        config = self.config
        card: dict[str, Any] = {"architecture": config.architecture, "classifier": config.classifier}
        card |= {
            "plate_format": self.renderer.plate_format.name,
            "data": self._data(),
            "crops_seen": config.steps * config.batch,
        }
        card["rendered"] = {"glyphs": self.renderer.description, "share": round(1 - config.real_share, 6), "pool": config.pool}
        card["real"] = [real.to_dict() for real in self.real]
        recipe = [] if self.recipe is None else [_portable(self.recipe)]
        card |= {"recipe": recipe, "settings": asdict(config), "seed": config.seed, "licence": None}
        for name, path in (("starts_from", self.start_from), ("teacher", self.teacher)):
            if path is not None:
                card[name] = {"file": path.name, "sha256": hash_file(path)[0]}
        return card

    def _data(self) -> str:
        rendered = f"{self.config.pool} plates, taken in turn" if self.config.pool else "each plate drawn anew"
        text = f"rendered ({rendered}; glyphs: {self.renderer.description or 'the letters in the package'})"
        if not self.real:
            return f"{text}; no real plate"
        sets = ", ".join(f"{len(real.crops)} of {real.name}{_part(real)}" for real in self.real)
        return f"{text}; a share of {self.config.real_share:g} real crops: {sets}"


def write_card(
    folder: Path,
    origin: Origin,
    seconds: float,
    device: str,
    accuracy: dict[str, Any] | None,
    best: dict[str, Any] | None,
) -> None:
    """Write ``card.json`` and ``README.md`` into the folder of a run, each whole or not at all.

    Args:
        folder: of the run; its name becomes that of the weights.
        origin: of the weights.
        seconds: spent training.
        device: in words.
        accuracy: of the last weights, which the card is about; None where it was not measured.
        best: accuracy of the best weights of the run, likewise. It stands by itself: the list ``accuracy`` holds one entry
            for each data set, precision and backend.

    Raises:
        TrainingError: the disk is full, or the folder cannot be written.
    """
    versions = {
        "edgelpr": __version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
    card = {"name": folder.resolve().name} | origin.to_dict()
    card |= {"time": f"{_words(seconds)} on {device}", "seconds": round(seconds), "device": device, "versions": versions}
    card["accuracy"] = [] if accuracy is None else [accuracy]
    card |= {} if best is None else {"best": best}
    try:
        write_atomically(folder / CARD_FILE, (json.dumps(card, ensure_ascii=False, indent=2) + "\n").encode())
        write_atomically(folder / README_FILE, _readme(card).encode())
    except OSError as error:
        raise TrainingError(f"{folder / CARD_FILE}: cannot be written ({error.strerror or error})") from error


def describe_device(device: torch.device, processes: int) -> str:
    """Device and number of processes in words."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, threads: {torch.get_num_threads()}"
    return name if processes == 1 else f"{processes} processes, each on {name}"


def _portable(path: Path) -> str:
    """A relative path as it was given; of others folder and file, for cards leave this machine."""
    inside = not path.is_absolute() and ".." not in path.parts
    return path.as_posix() if inside else "/".join(path.resolve().parts[-2:])


def _part(real: RealSet) -> str:
    return "" if real.part == "all" else f" ({real.part} part)"


def _words(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{max(1, minutes)} min"


def _readme(card: dict[str, Any]) -> str:
    lines = [f"# {card['name']}", "", f"{card['architecture']} for plates of the format '{card['plate_format']}'.", ""]
    lines += ["## Accuracy", ""]
    if card["accuracy"]:
        lines += [
            "Whole plates right, with Wilson intervals (95 %).",
            "",
            "| weights | data | right | whole plates | interval |",
        ]
        best = [card["best"]] if "best" in card else []
        lines += ["|---|---|---|---|---|", *(_row(entry) for entry in (*card["accuracy"], *best)), ""]
        for entry in best:
            advice = "was chosen by its accuracy on these plates: measure it on others before you quote it."
            lines += [f"`{entry['weights']}` {advice}", ""]
    else:
        lines += ["Not measured yet: export the checkpoint, then `edgelpr eval BUNDLE LABELS`.", ""]
    lines += [
        "## How it was made",
        "",
        f"- Data: {card['data']}.",
        f"- Crops seen: {card['crops_seen']:,}.",
        f"- Time: {card['time']}.",
        "- Licence: not stated; name one in `card.json` and here before you pass the weights on.",
    ]
    for name, words in (("starts_from", "Started from"), ("teacher", "Teacher")):
        if name in card:
            lines.append(f"- {words}: {card[name]['file']}, SHA-256 {card[name]['sha256']}.")
    lines.append(f"- Versions: {', '.join(f'{name} {version}' for name, version in card['versions'].items())}.")
    lines += [f"- Recipe: {recipe}; options of the command line are among the settings below." for recipe in card["recipe"]]
    settings = [f"{name}: {json.dumps(value)}" for name, value in card["settings"].items()]
    return "\n".join([*lines, "", "Settings:", "", "```yaml", *settings, "```", ""])


def _row(entry: dict[str, Any]) -> str:
    low, high = entry["plate_accuracy_interval"]
    right, share = f"{entry['correct']} of {entry['plates']}", f"{100 * entry['plate_accuracy']:.1f} %"
    return f"| {entry['weights']} | {entry['data']} | {right} | {share} | {100 * low:.1f} to {100 * high:.1f} % |"
