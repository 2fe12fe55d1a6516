"""A scene as a camera delivers it in one frame of a track."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edgelpr.data.rendering.capture import compress_once, motion_blur, sharpen
from edgelpr.data.rendering.lighting import infrared, light, spot
from edgelpr.data.rendering.tracks.damage import Cover, Damage
from edgelpr.preprocessing.images import Image

Floats = NDArray[np.float32]

_SMALLEST = (40, 10)


@dataclass(frozen=True)
class Camera:
    """What all frames of a track have in common."""

    seed: int
    """Of light and shadows."""

    infrared: bool
    """Whether it is night, and the camera's own lamp lights the plate."""

    level: float
    """Grey level that the exposure aims at."""

    coloured: bool
    """Whether noise is coloured."""

    sharpening: float
    """How strongly the camera enhances edges."""


def choose_camera(night: float, rng: Generator) -> Camera:
    """A random one.

    Args:
        night: share of infrared pictures, 0 to 1.
        rng: source of every choice.
    """
    return Camera(
        seed=int(rng.integers(1 << 31)),
        infrared=bool(rng.random() < night),
        level=float(np.clip(rng.normal(115, 35), 40, 210)),
        coloured=bool(rng.random() < 0.5),
        sharpening=float(rng.uniform(0.3, 1.4)) if rng.random() < 0.3 else 0.0,
    )


def degrade(scene: Image, damage: Damage, camera: Camera, rng: Generator) -> Image:
    """Take one frame.

    Args:
        scene: (H, W, 3) BGR, uint8, at the sensor's resolution, undamaged.
        damage: of this frame.
        camera: of the track.
        rng: source of what differs from frame to frame: noise, exposure.

    Returns:
        (h, w, 3) BGR, uint8.
    """
    picture = scene.astype(np.float32)
    steady = np.random.default_rng(camera.seed)  # the same shadows in every frame
    light(picture, steady)
    if camera.infrared:
        infrared(picture, steady)
    for cover in damage.covers:
        _hide(picture, cover)
    if damage.glare > 0:
        height, width = picture.shape[:2]
        picture += (np.float32(damage.glare) * spot(height, width, (0.05, 0.3), (0.2, 0.9), rng))[:, :, None]
    picture = _blur(picture, damage)
    _expose(picture, damage.contrast, camera.level + rng.normal(0, 14))
    grain = rng.standard_normal((*picture.shape[:2], 3 if camera.coloured else 1), dtype=np.float32)
    picture += grain * np.float32(damage.noise)
    frame: Image = np.clip(picture, 0, 255).astype(np.uint8)
    if camera.sharpening > 0:
        frame = sharpen(frame, 1.0, camera.sharpening)
    return compress_once(_shrink(frame, damage.shrink), damage.quality)


def _hide(picture: Floats, cover: Cover) -> None:
    height, width = picture.shape[:2]
    middle = (round(cover.left * width), round(cover.top * height))
    half = (max(1, round(cover.width * width / 2)), max(1, round(cover.height * height / 2)))
    shade = (cover.shade,) * 3
    if cover.round:
        cv2.ellipse(picture, middle, half, 0, 0, 360, shade, -1, cv2.LINE_AA)
    else:
        cv2.rectangle(picture, (middle[0] - half[0], 0), (middle[0] + half[0], height), shade, -1)


def _blur(picture: Floats, damage: Damage) -> Floats:
    height = picture.shape[0]
    sigma, length = damage.defocus * height, damage.motion * height
    if sigma > 0.25:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), dtype=np.float32)
    return motion_blur(picture, length, damage.direction) if length >= 2 else picture


def _expose(picture: Floats, contrast: float, level: float) -> None:
    """Contrast around the mean, which the exposure puts at a level, in place."""
    mean = np.float32(picture.mean())
    picture -= mean
    picture *= np.float32(contrast)
    picture += np.float32(np.clip(level, 25, 225))


def _shrink(frame: Image, share: float) -> Image:
    if share >= 0.97:
        return frame
    height, width = frame.shape[:2]
    size = (max(_SMALLEST[0], round(width * share)), max(_SMALLEST[1], round(height * share)))
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
