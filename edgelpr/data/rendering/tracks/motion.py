"""How a plate moves past a camera: what the frames of a track have in common, and in what they differ."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from edgelpr.data.rendering.choosing import weighted
from edgelpr.data.rendering.geometry import Pose, choose_pose
from edgelpr.data.rendering.tracks.damage import Cover, Damage, choose_damage

_STARTS = (15.0, 60.0)
_KINDS = {"easy": 0.15, "mixed": 0.4, "hard": 0.45}
"""How often tracks are of each kind (ours)."""


@dataclass(frozen=True)
class Moment:
    """One frame of a track before it is taken."""

    pose: Pose
    """Of the camera."""

    height: float
    """Of a common plate in pixels."""

    damage: Damage
    """What goes wrong."""


def choose_track(frames: int, hardness: float, rng: Generator) -> tuple[Moment, ...]:
    """A plausible track: the plate comes nearer, or drives away, and turns a little; each frame is damaged apart.

    Args:
        frames: how many.
        hardness: 0 to 1, scales all damage.
        rng: source of every choice.
    """
    heights, poses = _heights(frames, rng), _poses(frames, rng)
    damages = choose_damages(frames, hardness, rng)
    return tuple(Moment(*each) for each in zip(poses, heights, damages))


def choose_damages(frames: int, hardness: float, rng: Generator) -> list[Damage]:
    """Damage frame by frame: of easy tracks, of tracks that mix good and bad frames, and of tracks that have no good one.

    Arguments as ``choose_track`` takes them.
    """
    kind = weighted(_KINDS, rng)
    damages = [choose_damage(hardness * _severity(kind, rng), rng) for _ in range(frames)]
    if rng.random() < 0.4:
        damages = _hunt_focus(damages, hardness, rng)
    return _pass_by(damages, hardness, rng) if rng.random() < 0.25 else damages


def _severity(kind: str, rng: Generator) -> float:
    if kind == "hard":
        return float(rng.uniform(0.5, 1.0))
    good = kind == "easy" or rng.random() < 0.4
    return float(rng.uniform(0.0, 0.45) if good else rng.uniform(0.6, 1.0))


def _heights(frames: int, rng: Generator) -> list[float]:
    low, high = _STARTS
    first = low * (high / low) ** rng.random()
    growth = float(rng.uniform(1.0, 2.2))
    along = np.linspace(0, 1, frames) if rng.random() < 0.8 else np.linspace(1, 0, frames)
    return [float(first * growth**share) for share in along]


def _poses(frames: int, rng: Generator) -> list[Pose]:
    first = choose_pose(rng)
    turn, slide = rng.normal(0, (0.12, 0.06, 0.03)), rng.normal(0, (0.05, 0.01))
    nearer = float(rng.uniform(0.6, 1.0))
    poses = []
    for share in np.linspace(-0.5, 0.5, frames):
        angles = np.clip(np.array(first.angles) + turn * share + rng.normal(0, 0.015, 3), -0.9, 0.9)
        slant, slope = np.array([first.slant, first.slope]) + slide * share + rng.normal(0, (0.01, 0.003))
        distance = max(2.0, first.distance * nearer ** (share + 0.5))
        poses.append(Pose((float(angles[0]), float(angles[1]), float(angles[2])), distance, float(slant), float(slope)))
    return poses


def _hunt_focus(damages: list[Damage], hardness: float, rng: Generator) -> list[Damage]:
    """An autofocus that swings past the plate and back."""
    swing, phase, pace = hardness * rng.uniform(0.02, 0.08), rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 1.6)
    return [
        replace(damage, defocus=damage.defocus + float(swing * abs(np.sin(phase + pace * number))))
        for number, damage in enumerate(damages)
    ]


def _pass_by(damages: list[Damage], hardness: float, rng: Generator) -> list[Damage]:
    """A pole or a barrier that the plate passes behind: it hides another character in each frame."""
    start, pace = rng.uniform(-0.1, 1.1), rng.normal(0, 0.25)
    cover = Cover(0.0, 0.5, float(rng.uniform(0.05, 0.08 + 0.14 * hardness)), 2.0, float(rng.uniform(0, 255)), round=False)
    return [
        replace(damage, covers=(*damage.covers, replace(cover, left=float(start + pace * number))))
        for number, damage in enumerate(damages)
    ]
