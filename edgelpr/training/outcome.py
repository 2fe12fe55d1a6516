"""What one step of a run came to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """Figures of one step, over the crops of all processes."""

    loss: float
    """Total."""

    sequence: float
    """Its sequence part."""

    semantic: float
    """Its semantic part."""

    position: float
    """Its position part."""

    distillation: float
    """Its part from the teacher, weighted; 0 without one."""

    plate_accuracy: float
    """Share of whole plates right, by the network in training mode, 0 to 1."""
