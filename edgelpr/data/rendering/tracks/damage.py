"""What goes wrong with one frame of a track."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.random import Generator

from edgelpr.data.rendering.choosing import weighted


@dataclass(frozen=True)
class Cover:
    """Something in front of the plate: a pole, a wiper, a hand, dirt on the lens."""

    left: float
    """Of its middle, a share of the picture's width."""

    top: float
    """Of its middle, a share of the picture's height."""

    width: float
    """Share of the picture's width."""

    height: float
    """Share of the picture's height."""

    shade: float
    """Grey level, 0 to 255."""

    round: bool
    """An ellipse, or else upright bars."""


@dataclass(frozen=True)
class Damage:
    """Strengths; with the defaults a frame is taken as well as the camera can."""

    defocus: float = 0.0
    """Deviation of the blur, a share of the picture's height."""

    motion: float = 0.0
    """Length of the smear, a share of the picture's height."""

    direction: float = 0.0
    """Of the smear, in degrees."""

    noise: float = 0.0
    """Deviation of the sensor's noise in grey levels."""

    contrast: float = 1.0
    """What is left of it."""

    glare: float = 0.0
    """Grey levels that a reflection adds at its brightest."""

    shrink: float = 1.0
    """Share of its size that the picture was stored at."""

    quality: int = 95
    """Of the JPEG compression."""

    covers: tuple[Cover, ...] = ()
    """What hides parts of the plate."""


_TROUBLES = {"defocus": 0.25, "motion": 0.2, "noise": 0.15, "contrast": 0.12, "cover": 0.18, "glare": 0.05, "store": 0.1}
"""How often each is the main thing wrong with a bad frame (ours)."""

_ASIDE = 0.3
"""How severe all the others are then, relative to it."""


def choose_damage(severity: float, rng: Generator) -> Damage:
    """Random damage: one trouble, sometimes two, in earnest, a little of the others.

    Args:
        severity: 0, nothing is wrong, to 1: such a frame alone is rarely read.
        rng: source of every choice.
    """
    main = {weighted(_TROUBLES, rng) for _ in range(1 if rng.random() < 0.65 else 2)}
    share = {name: severity * (rng.uniform(0.6, 1.0) if name in main else _ASIDE * rng.random()) for name in _TROUBLES}
    return Damage(
        defocus=0.004 + 0.085 * share["defocus"],
        motion=0.42 * share["motion"] if "motion" in main else 0.0,
        direction=float(rng.normal(0, 20) if rng.random() < 0.7 else rng.uniform(0, 180)),
        noise=1.5 + 42 * share["noise"] ** 1.3,
        contrast=1 - 0.82 * share["contrast"],
        glare=260 * share["glare"] if "glare" in main else 0.0,
        shrink=1 - 0.62 * share["store"],
        quality=round(94 - 84 * share["store"]),
        covers=_covers(share["cover"], rng) if "cover" in main else (),
    )


def _covers(severity: float, rng: Generator) -> tuple[Cover, ...]:
    return tuple(
        Cover(
            left=float(rng.random()),
            top=float(rng.uniform(0.2, 0.8)),
            width=float(rng.uniform(0.04, 0.06 + 0.16 * severity)),
            height=float(rng.uniform(0.4, 1.4)),
            shade=float(rng.uniform(0, 255)),
            round=bool(rng.random() < 0.6),
        )
        for _ in range(1 + int(rng.integers(0, 1 + round(2.4 * severity))))
    )
