"""Simple fusions of readings of single frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Classes = NDArray[np.int64]

_TINY = 1e-6


@dataclass(frozen=True, eq=False)
class Readings:
    """N tracks of F frames, each frame read alone; P positions, S classes."""

    probabilities: Floats
    """(N, F, P, S) of every class."""

    label: Floats
    """(N, F) the true quality of each frame."""

    score: Floats | None = None
    """(N, F) the quality that IQ-STAN gives it; None without the branch."""

    @cached_property
    def classes(self) -> Classes:
        """(N, F, P) the winning ones."""
        return np.asarray(self.probabilities.argmax(-1))

    @cached_property
    def winning(self) -> Floats:
        """(N, F, P) their probabilities."""
        return np.asarray(self.probabilities.max(-1))

    @cached_property
    def confidence(self) -> Floats:
        """(N, F) their product, which is what a reading's confidence is."""
        return np.asarray(self.winning.prod(-1))

    @cached_property
    def alike(self) -> NDArray[np.bool_]:
        """(N, F, F) whether two frames are read as the same plate."""
        return np.asarray((self.classes[:, :, None] == self.classes[:, None]).all(-1))

    def of_frame(self, number: NDArray[np.int64]) -> Classes:
        """(N, P) what one frame of each track reads."""
        return np.asarray(self.classes[np.arange(len(number)), number])

    def voted(self, weights: Floats) -> Floats:
        """(N, P, S) sum over frames of the weight that each gives to the class it reads there.

        Args:
            weights: (N, F, P).
        """
        votes = np.zeros((len(weights), *self.probabilities.shape[2:]), dtype=np.float32)
        rows, places = np.indices(votes.shape[:2])
        for frame in range(weights.shape[1]):
            votes[rows, places, self.classes[:, frame]] += weights[:, frame]
        return votes


@dataclass(frozen=True)
class Rule:
    """One way to fuse."""

    name: str
    """In results."""

    title: str
    """In tables."""

    fuse: Callable[[Readings], Classes]
    """To (N, K, P) classes: one plate a track, or K of which each counts 1/K."""

    reads: int | None = None
    """Frames that it reads; None: all."""

    needs: str = ""
    """``score`` or ``label``: what it knows beside the readings."""


def _first(readings: Readings) -> Classes:
    return readings.classes[:, :1]


def _any(readings: Readings) -> Classes:
    return readings.classes


def _majority(readings: Readings) -> Classes:
    """Most frames; of as many those that are surer together, then the earlier."""
    sure = (readings.alike * readings.confidence[:, None]).sum(-1)
    votes = readings.alike.sum(-1) + sure / (1 + readings.confidence.shape[1])
    return readings.of_frame(votes.argmax(1))[:, None]


def _majority_by_character(readings: Readings) -> Classes:
    """At each position the class of most frames; of as many the one with more probability."""
    frames = readings.winning.shape[1]
    return np.asarray(readings.voted(1 + readings.winning / (1 + frames)).argmax(-1)[:, None])


def _confidence_vote(readings: Readings) -> Classes:
    sure = (readings.alike * readings.confidence[:, None]).sum(-1)
    return readings.of_frame(sure.argmax(1))[:, None]


def _confidence_vote_by_character(readings: Readings) -> Classes:
    return np.asarray(readings.voted(readings.winning).argmax(-1)[:, None])


def _most_confident(readings: Readings) -> Classes:
    return readings.of_frame(readings.confidence.argmax(1))[:, None]


def _best_by_score(readings: Readings) -> Classes:
    if readings.score is None:
        raise ValueError("no scores; expected those of a network with the quality branch")
    return readings.of_frame(readings.score.argmax(1))[:, None]


def _best_by_label(readings: Readings) -> Classes:
    return readings.of_frame(readings.label.argmax(1))[:, None]


def _mean(readings: Readings) -> Classes:
    return np.asarray(readings.probabilities.mean(1).argmax(-1)[:, None])


def _mean_log(readings: Readings) -> Classes:
    """Probabilities below a millionth count as that: one frame must not forbid what all others read."""
    return np.asarray(np.log(np.maximum(readings.probabilities, _TINY)).mean(1).argmax(-1)[:, None])


RULES = (
    Rule("first", "the first frame alone", _first, reads=1),
    Rule("any", "any one frame alone, mean over frames", _any, reads=1),
    Rule("majority", "majority of whole plates", _majority),
    Rule("majority-by-character", "majority, character by character", _majority_by_character),
    Rule("confidence-vote", "whole plates, weighted by confidence", _confidence_vote),
    Rule("confidence-vote-by-character", "characters, weighted by probability", _confidence_vote_by_character),
    Rule("most-confident", "the most confident frame", _most_confident),
    Rule("best-by-score", "the best frame by IQ-STAN's score", _best_by_score, reads=1, needs="score"),
    Rule("best-by-label", "the best frame by its true quality", _best_by_label, reads=1, needs="label"),
    Rule("mean", "mean of the probabilities", _mean),
    Rule("mean-log", "mean of their logarithms", _mean_log),
)
"""All of them; ``best-by-label`` knows what no camera does."""
