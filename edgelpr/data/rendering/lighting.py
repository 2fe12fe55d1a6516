"""Light on a scene: gradients, shadows, glare, the glow of what is too bright, infrared at night."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def light(picture: Floats, rng: Generator) -> None:
    """Light a (H, W, 3) BGR picture, in place; values may leave 0 to 255 until the exposure."""
    height, width = picture.shape[:2]
    across = np.linspace(-1, 1, width, dtype=np.float32)[None, :] * np.float32(rng.normal(0, 0.2))
    down = np.linspace(-1, 1, height, dtype=np.float32)[:, None] * np.float32(rng.normal(0, 0.2))
    gain = 1 + across + down
    if rng.random() < 0.22:
        gain = gain * _shadow(height, width, rng)
    if rng.random() < 0.05:
        gain = gain * _bars(height, width, rng)
    picture *= np.maximum(gain, 0.15)[:, :, None]
    if rng.random() < 0.15:
        picture += _glare(height, width, rng)[:, :, None]


def infrared(picture: Floats, rng: Generator) -> None:
    """A night picture under the camera's own lamp, in place: grey, brightest in the middle of the beam."""
    mix = rng.dirichlet((1, 1, 1)).astype(np.float32)
    picture[:] = (picture @ mix)[:, :, None]
    if rng.random() < 0.6:
        height, width = picture.shape[:2]
        beam = spot(height, width, (0.3, 1.2), (0.4, 2.0), rng)
        picture *= (np.float32(0.35) + np.float32(rng.uniform(0.5, 1.3)) * beam)[:, :, None]


def bloom(picture: Floats, rng: Generator) -> Floats:
    """Light that spills over from where the sensor is saturated, as around plates in headlamps."""
    excess = np.maximum(picture - np.float32(rng.uniform(170, 225)), 0)
    spill = cv2.GaussianBlur(excess, (0, 0), float(rng.uniform(0.04, 0.14) * picture.shape[0]))
    return np.asarray(picture + np.float32(rng.uniform(0.6, 1.8)) * spill, dtype=np.float32)


def _shadow(height: int, width: int, rng: Generator) -> Floats:
    """A soft-edged half plane of shade."""
    distance = _direction(height, width, rng) - np.float32(rng.uniform(-0.7, 0.7))
    shade: Floats = 1 - np.float32(rng.uniform(0.2, 0.65)) * np.clip(distance * np.float32(rng.uniform(2, 25)) + 0.5, 0, 1)
    return shade


def _bars(height: int, width: int, rng: Generator) -> Floats:
    """Shadows of branches, railings or a fence."""
    waves = np.sin(_direction(height, width, rng) * np.float32(rng.uniform(4, 22)) + np.float32(rng.uniform(0, 6)))
    shade: Floats = 1 - np.float32(rng.uniform(0.15, 0.5)) * np.clip(waves * 3, 0, 1)
    return shade


def _direction(height: int, width: int, rng: Generator) -> Floats:
    angle = rng.uniform(0, 2 * np.pi)
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    along: Floats = x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle))
    return along


def _glare(height: int, width: int, rng: Generator) -> Floats:
    glare: Floats = np.float32(rng.uniform(30, 160)) * spot(height, width, (0.05, 0.4), (0.1, 0.8), rng)
    return glare


def spot(height: int, width: int, wide: tuple[float, float], high: tuple[float, float], rng: Generator) -> Floats:
    """(H, W) a bell of light somewhere, 0 to 1; between which bounds its reach lies, in shares of the picture."""
    x = (np.linspace(0, 1, width, dtype=np.float32)[None, :] - np.float32(rng.random())) / np.float32(rng.uniform(*wide))
    y = (np.linspace(0, 1, height, dtype=np.float32)[:, None] - np.float32(rng.random())) / np.float32(rng.uniform(*high))
    bell: Floats = np.exp(-(x * x + y * y))
    return bell
