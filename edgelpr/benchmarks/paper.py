"""What the HPA paper reports, as data.

Zhang, Wang, Zhuang, "Efficient License Plate Recognition via Holistic Position Attention", AAAI 2021, tables 1 to 6.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgelpr.types import Classifier, PaperBoxes

MACHINE = "one GTX 1080 Ti, E5-2640 v4"
"""Where the paper measured its speed."""

PROTOCOL = "mean of 5000 forward passes, batch 1, 50x160, network only"
"""How. The authors' published loop never waits for the GPU; whether it made these figures is unknown."""


@dataclass(frozen=True)
class PaperAccuracy:
    """Share of whole plates read right on one data set."""

    data: str
    """Data set, for example ``aolp-ac``."""

    boxes: PaperBoxes
    """Where the crops came from."""

    plate_accuracy: float
    """0 to 1."""


@dataclass(frozen=True)
class PaperFigures:
    """What the paper reports of one network."""

    parameters_millions: float | None
    """Table 4, the unused ImageNet classifier of the ResNet counted; None where it is not reported."""

    frames_per_second: int | None
    """Table 1, plates a second at batch 1 on ``MACHINE`` by ``PROTOCOL``; None where it is not reported."""

    accuracy: tuple[PaperAccuracy, ...]
    """Tables 1 to 4."""


_COLUMNS: tuple[tuple[str, PaperBoxes], ...] = (
    ("aolp-ac", "ground-truth"),
    ("aolp-le", "ground-truth"),
    ("aolp-rp", "ground-truth"),
    ("aolp-ac", "detected"),
    ("aolp-le", "detected"),
    ("aolp-rp", "detected"),
    ("media-lab", "ground-truth"),
    ("media-lab", "detected"),
    ("ccpd-base", "not-stated"),
    ("clpd", "not-stated"),
)


def _figures(millions: float | None, fps: int | None, *accuracies: float) -> PaperFigures:
    columns = zip(_COLUMNS, accuracies)  # table 4 stops after the three of AOLP with ground-truth boxes
    return PaperFigures(millions, fps, tuple(PaperAccuracy(*column, value) for column, value in columns))


HPA: dict[tuple[str, Classifier], PaperFigures] = {
    ("hpa-resnet18", "shared"): _figures(
        18.23, 191, 0.9927, 0.9897, 0.9984, 0.9883, 0.9794, 0.9820, 0.9813, 0.9578, 0.9957, 0.7850
    ),
    ("hpa-resnet34", "shared"): _figures(
        None, 158, 0.9912, 0.9931, 0.9984, 0.9879, 0.9897, 0.9836, 0.9859, 0.9578, 0.9961, 0.7950
    ),
    ("hpa-resnet50", "shared"): _figures(
        None, 106, 0.9941, 0.9948, 0.9984, 0.9912, 0.9897, 0.9853, 0.9859, 0.9672, 0.9962, 0.8217
    ),
    ("hpa-resnet101", "shared"): _figures(
        66.77, 57, 0.9956, 1.0, 0.9984, 0.9927, 0.9914, 0.9885, 0.9883, 0.9696, 0.9965, 0.8250
    ),
    ("hpa-resnet18", "separate"): _figures(22.66, None, 0.9251, 0.8694, 0.9902),
    ("hpa-resnet101", "separate"): _figures(71.21, None, 0.9765, 0.9433, 0.9951),
    ("hpa-resnet101", "separate-no-maps"): _figures(None, None, 0.8355, 0.6117, 0.9640),
}
"""By architecture and classifier."""

ABLATED = "hpa-resnet101"
"""The network of tables 5 and 6, and of the row without HPA maps in table 4."""


def _aolp(access: float, law: float, road: float) -> tuple[PaperAccuracy, ...]:
    columns = zip(_COLUMNS, (access, law, road))
    return tuple(PaperAccuracy(*column, accuracy) for column, accuracy in columns)


STRATEGIES: dict[str, tuple[PaperAccuracy, ...]] = {
    "S>P>C": _aolp(0.9927, 0.9931, 0.9951),
    "P>S>C": _aolp(0.9031, 0.8849, 0.9820),
    "S+P>C": _aolp(0.9927, 0.9966, 0.9951),
    "S+P+C": _aolp(0.9956, 1.0, 0.9984),
}
"""Table 5: the order of training, ``+`` together and ``>`` one after the other."""

SUPERVISION: dict[tuple[bool, bool], tuple[PaperAccuracy, ...]] = {
    (True, True): _aolp(0.9956, 1.0, 0.9984),
    (True, False): _aolp(0.9956, 0.9983, 0.9984),
    (False, True): _aolp(0.9941, 0.9931, 0.9984),
    (False, False): _aolp(0.9941, 0.9931, 0.9967),
}
"""Table 6: whether the semantic and the position network are supervised."""
