"""What the papers publish of speed, and the words that belong beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgelpr.benchmarks.paper import HPA, MACHINE, PROTOCOL

IQ_STAN = "iq-stan"
"""Name of the network of five frames."""

CARD = "gtx-1080-ti"
"""The HPA paper's card, by its name among the boards."""


@dataclass(frozen=True)
class PublishedSpeed:
    """Speed of one network, as its paper has it."""

    architecture: str
    """Our name of it."""

    title: str
    """The paper's."""

    frames_per_second: float
    """As published."""

    frames: int
    """In one call: five where a track is read as one."""

    machine: str | None
    """None: the paper does not say."""

    protocol: str | None
    """None: the paper does not say."""

    source: str
    """Paper and place in it."""


def _hpa(architecture: str, title: str) -> PublishedSpeed:
    speed = HPA[architecture, "shared"].frames_per_second
    assert speed is not None  # the four of table 1 have one
    return PublishedSpeed(architecture, title, speed, 1, MACHINE, PROTOCOL, "HPA, AAAI 2021, table 1")


PUBLISHED: Mapping[str, PublishedSpeed] = {
    each.architecture: each
    for each in (
        _hpa("hpa-resnet18", "HPA, ResNet-18"),
        _hpa("hpa-resnet34", "HPA, ResNet-34"),
        _hpa("hpa-resnet50", "HPA, ResNet-50"),
        _hpa("hpa-resnet101", "HPA, ResNet-101"),
        PublishedSpeed(IQ_STAN, "IQ-STAN", 31.85, 5, None, None, "IQ-STAN, ICASSP 2020, section 3: 157 ms for five frames"),
    )
}
"""By architecture, in the papers' order."""

WORDS = (
    "The HPA paper's figures are fp32 on a GTX 1080 Ti: mean of 5000 forward passes, batch 1, network only. At 191 plates a "
    "second its ResNet-18 uses about 4 % of that card's arithmetic: the figure measures the overhead of launching work.",
    "The timing loop that its authors published reads the clock around calls that return before the GPU is done, and never "
    "waits for it: over thousands of calls its mean tends to throughput, not latency. Whether it made these figures is "
    "unknown. 'paper' repeats that loop, 'paper-synchronised' waits in every pass, 'single-stream' is the honest latency.",
    "IQ-STAN's paper names neither its machine nor its protocol; its frames a second are five for each track.",
)
"""Beside every table."""

CPU_WORDS = (
    "Measured here on a processor, not on a GPU: a ratio to the published figure compares two machines, software years apart "
    "and, but for fp32, two arithmetics. It says nothing about which network or which code is better. On a processor a call "
    "returns when it is done, so that 'paper' and 'paper-synchronised' differ by chance alone."
)
"""Beside a figure of a processor."""
