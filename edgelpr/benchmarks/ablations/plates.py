"""The rendered plates of the ablations: the same for every network and seed."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edgelpr.benchmarks.ablations.plan import Plan
from edgelpr.data.rendering.library import built_in_glyphs
from edgelpr.data.rendering.samples import RenderedPlate, Renderer
from edgelpr.data.writing import write_file
from edgelpr.plates.loading import load_plate_format
from edgelpr.preprocessing.images import Image
from edgelpr.training.rendered import RenderedSource

_HEIGHTS = (28.0, 70.0)


class FixedPlates(Renderer):
    """Plates of one seed, whatever seed a run has: it then decides weights and variations only.

    They are taken from nearby by a decent camera, as AOLP's are: what the product's renderer makes unreadable on purpose
    would drown the differences between the networks.

    Args:
        plate_format: name of a built-in plate format.
        seed: of the plates.
    """

    def __init__(self, plate_format: str, seed: int) -> None:
        spec = load_plate_format(plate_format)
        description = f"the letters in the package; a decent camera; plates of seed {seed}"
        super().__init__(spec, [built_in_glyphs(spec)], heights=_HEIGHTS, description=description, camera=decent_camera)
        self._plates_seed = seed

    def render(self, seed: int, number: int) -> RenderedPlate:
        """The plate of that number; ``seed`` does not count."""
        return super().render(self._plates_seed, number)


def decent_camera(scene: Image, rng: Generator, _night: float, _shrunk: float) -> Image:
    """A picture with moderate changes of exposure and contrast, a little blur and a little noise.

    Args:
        scene: (H, W, 3) BGR, uint8.
        rng: source of every choice.

    Returns:
        (H, W, 3) BGR, uint8.
    """
    picture = scene.astype(np.float32)
    level = float(picture.mean())
    picture = (picture - level) * rng.uniform(0.5, 1.2) + rng.uniform(70, 180)
    soft = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.3, 0.02 * len(scene) + 0.3)))
    grain = rng.standard_normal(scene.shape, dtype=np.float32) * np.float32(rng.uniform(0, 6))
    return np.asarray(np.clip(soft + grain, 0, 255), dtype=np.uint8)


@dataclass(frozen=True)
class Unseen:
    """What every network is tested on."""

    crops: Image
    """(N, height, width) preprocessed, uint8."""

    classes: NDArray[np.int16]
    """(N, P) class indices."""


def unseen_plates(plan: Plan, folder: Path) -> Unseen:
    """The test set, rendered on the first call and read from the folder afterwards.

    Raises:
        DataError: the file cannot be written.
    """
    path = folder / f"test-{plan.plate_format}-{plan.test_seed}-{plan.test_plates}.npz"
    if not path.is_file():
        source = RenderedSource(FixedPlates(plan.plate_format, plan.test_seed), plan.test_seed)
        drawn = [source.take(number) for number in range(plan.test_plates)]
        content = io.BytesIO()
        np.savez_compressed(
            content, crops=np.stack([one.crop for one in drawn]), classes=np.stack([one.classes for one in drawn])
        )
        write_file(path, content.getvalue())
    with np.load(path, allow_pickle=False) as stored:
        return Unseen(stored["crops"], stored["classes"])
