"""The paper's figure for a run of ours."""

from __future__ import annotations

from dataclasses import dataclass

from edgelpr.benchmarks.paper import ABLATED, HPA, STRATEGIES, SUPERVISION, PaperAccuracy
from edgelpr.training.config import TrainingConfig
from edgelpr.types import PaperBoxes

_OF_DATA = {"medialab": "media-lab", "ccpd": "ccpd-base", "clpd": "clpd"}


@dataclass(frozen=True)
class Published:
    """What the paper reports for the same experiment."""

    plate_accuracy: float
    """Share of whole plates right, 0 to 1."""

    network: str
    """With which network; the paper's ablations know only some."""

    boxes: PaperBoxes
    """Where its crops came from. Ours are cut at the data set's own boxes."""


def published_accuracy(table: int, data: str, split: str, config: TrainingConfig) -> Published | None:
    """The paper's figure, that for ground-truth boxes (starred) where it has both.

    Args:
        table: of the paper, 1 to 6.
        data: ``aolp``, ``medialab``, ``ccpd`` or ``clpd``.
        split: name of the fold; Media Lab's four have one average.
        config: network, classifier, stages and supervision of the run.

    Returns:
        None where the paper has none, as for ``hpa-nano``.
    """
    network, figures = _row(table, config)
    wanted = f"aolp-{split.lower()}" if data == "aolp" else _OF_DATA[data]
    return next(
        (Published(f.plate_accuracy, network, f.boxes) for f in figures if f.data == wanted and f.boxes != "detected"), None
    )


def _row(table: int, config: TrainingConfig) -> tuple[str, tuple[PaperAccuracy, ...]]:
    """Which network the paper used, and its figures; for an ablation with another network, those of its own."""
    if table == 5:
        return ABLATED, STRATEGIES[config.stages]
    if table == 6:
        return ABLATED, SUPERVISION[config.semantic_weight > 0, config.position_weight > 0]
    network = config.architecture
    if table == 4 and (network, config.classifier) not in HPA:
        network = ABLATED
    figures = HPA.get((network, config.classifier))
    return network, () if figures is None else figures.accuracy
