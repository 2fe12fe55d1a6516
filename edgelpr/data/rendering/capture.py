"""What lens, sensor and compression do to a lit scene."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edgelpr.data.rendering.lighting import bloom, infrared, light
from edgelpr.preprocessing.images import Image

Floats = NDArray[np.float32]

_DOWNSAMPLING = (cv2.INTER_NEAREST, *(cv2.INTER_LINEAR,) * 3, *(cv2.INTER_CUBIC,) * 2, *(cv2.INTER_AREA,) * 2)

_CCPD_SIZE = (94, 24)


def capture(scene: Image, rng: Generator, night: float = 0.07, shrunk: float = 0.05, worst: float = 1.0) -> Image:
    """Photograph a scene.

    Args:
        scene: (H, W, 3) BGR, uint8, at the sensor's resolution.
        rng: source of every choice.
        night: share of infrared pictures, 0 to 1.
        shrunk: share of the resampled crops that get the size common among CCPD's crops, 0 to 1.
        worst: how badly pictures may be taken, 0 to 1; without the worst third, 0.6.

    Returns:
        A crop (h, w, 3) BGR, uint8, resampled in some of the cases.
    """
    severity = min(_severity(rng), worst)
    picture = scene.astype(np.float32)
    light(picture, rng)
    if rng.random() < 0.06:
        _occlude(picture, rng)
    picture = _blur(picture, severity, rng)
    if rng.random() < night:
        infrared(picture, rng)
    _expose(picture, severity, rng)
    if rng.random() < 0.08:
        picture = bloom(picture, rng)
    _add_noise(picture, severity, rng)
    crop: Image = np.clip(picture, 0, 255).astype(np.uint8)
    if rng.random() < 0.4:
        crop = _resample(crop, severity, shrunk, rng)
    if rng.random() < 0.3:
        crop = sharpen(crop, float(rng.uniform(0.6, 1.6)), float(rng.uniform(0.3, 1.6)))
    if rng.random() < 0.02:
        _interlace(crop, rng)
    return _compress(crop, severity, rng) if rng.random() < 0.7 else crop


def _severity(rng: Generator) -> float:
    """How badly a picture is taken, 0 to 1: most cameras are decent, and one bad habit rarely comes alone."""
    return 1.0 if rng.random() < 0.33 else float(rng.uniform(0.1, 0.6))


def _occlude(picture: Floats, rng: Generator) -> None:
    height, width = picture.shape[:2]
    centre = (int(rng.integers(width)), int(rng.integers(height)))
    shade = np.clip(rng.uniform(0, 255) + rng.normal(0, 20, 3), 0, 255).tolist()
    if rng.random() < 0.5:
        axes = (max(1, int(width * rng.uniform(0.01, 0.05))), max(1, int(height * rng.uniform(0.05, 0.3))))
        cv2.ellipse(picture, centre, axes, float(rng.uniform(0, 180)), 0, 360, shade, -1, cv2.LINE_AA)
    else:
        other = (int(rng.integers(width)), int(rng.integers(height)))
        cv2.line(picture, centre, other, shade, max(1, round(height * 0.05)), cv2.LINE_AA)


def _blur(picture: Floats, severity: float, rng: Generator) -> Floats:
    height = picture.shape[0]
    chance = rng.random()
    if chance < 0.60:
        # Squared: a little out of focus is common, hopeless is rare.
        sigma = float((0.006 + 0.055 * severity * rng.random() ** 2) * height)
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), max(0.3, sigma)), dtype=np.float32)
    if chance < 0.1 * severity or chance > 1 - 0.1 * severity:
        length = max(2.0, rng.uniform(0.05, 0.16) * height)
        picture = motion_blur(picture, length, rng.normal(0, 25) if rng.random() < 0.6 else rng.uniform(0, 180))
    return picture


def motion_blur(picture: Floats, length: float, angle: float) -> Floats:
    """Smear a (H, W, 3) picture along a line of that many pixels, at an angle in degrees."""
    size = int(length) | 1
    kernel = np.zeros((size, size), dtype=np.float32)
    reach = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))]) * (size // 2)
    start, end = (np.round(size // 2 + sign * reach).astype(int).tolist() for sign in (-1, 1))
    cv2.line(kernel, start, end, 1.0, 1)
    return np.asarray(cv2.filter2D(picture, -1, kernel / kernel.sum()), dtype=np.float32)


def _expose(picture: Floats, severity: float, rng: Generator) -> None:
    """Gain, haze, colour cast and tone curve, in place."""
    contrast = rng.uniform(0.2, 0.75) if rng.random() < 0.15 + 0.15 * severity else rng.uniform(0.75, 1.35)
    level = float(picture.mean())
    target = rng.normal(115, 40) if rng.random() < 0.6 else level
    picture -= np.float32(level)
    picture *= np.float32(contrast) * (1 + rng.normal(0, 0.05, 3).astype(np.float32))
    picture += np.float32(np.clip(target, 25, 225))
    if rng.random() < 0.3:
        np.clip(picture, 0, 255, out=picture)
        np.power(picture / np.float32(255), np.float32(rng.uniform(0.55, 1.8)), out=picture)
        picture *= np.float32(255)


def _add_noise(picture: Floats, severity: float, rng: Generator) -> None:
    strength = abs(rng.normal(0, 7.0 * severity))
    if rng.random() < 0.05:
        strength *= 2.5  # a night sensor at its highest gain
    if strength > 1:
        planes = 1 if rng.random() < 0.5 else 3
        grain = rng.standard_normal((*picture.shape[:2], planes), dtype=np.float32)
        picture += grain * np.float32(strength)


def _resample(crop: Image, severity: float, shrunk: float, rng: Generator) -> Image:
    """A second, careless resize, as data sets and detectors apply it."""
    height, width = crop.shape[:2]
    share = rng.uniform(1 - 0.65 * severity, 1.0)
    size = (max(48, round(width * share)), max(14, round(height * share * rng.uniform(0.8, 1.2))))
    if rng.random() < shrunk:
        size = _CCPD_SIZE
    method = _DOWNSAMPLING[int(rng.integers(len(_DOWNSAMPLING)))]
    return np.asarray(cv2.resize(crop, size, interpolation=method), dtype=np.uint8)


def sharpen(crop: Image, sigma: float, amount: float) -> Image:
    """The halo of a camera's edge enhancement, its reach a deviation in pixels, on a (H, W, 3) crop."""
    soft = cv2.GaussianBlur(crop, (0, 0), sigma)
    return np.asarray(cv2.addWeighted(crop, 1 + amount, soft, -amount, 0), dtype=np.uint8)


def _interlace(crop: Image, rng: Generator) -> None:
    """The comb of an old video recorder: every other row is older, in place."""
    crop[::2] = np.roll(crop[::2], int(rng.integers(1, 3)), axis=1)


def _compress(crop: Image, severity: float, rng: Generator) -> Image:
    """Once, or twice with the blocks of the first time moved, as for crops of stored pictures."""
    for _ in range(2 if rng.random() < 0.15 else 1):
        crop = compress_once(crop, int(rng.uniform(80 - 65 * severity, 95)))
    return crop


def compress_once(crop: Image, quality: int) -> Image:
    """What JPEG of a quality from 1 to 100 leaves of a (H, W, 3) crop."""
    _, code = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), dtype=np.uint8)
