"""Pictures that stand in for crops of plates where calibration is tested."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def picture(seed: int, height: int = 30, width: int = 100) -> np.ndarray:
    """(height, width, 3) uint8: soft blocks of chance."""
    blocks = np.random.default_rng(seed).integers(0, 256, (4, 9, 3), dtype=np.uint8)
    return cv2.resize(blocks, (width, height), interpolation=cv2.INTER_LINEAR)


def fill(folder: Path, count: int) -> Path:
    """Write so many of them into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(count):
        (folder / f"{seed:03}.png").write_bytes(cv2.imencode(".png", picture(seed))[1].tobytes())
    return folder
