"""Networks for tests: weights that exercise every layer, and a member of the family small enough to export quickly."""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np
import torch

from edgelpr.models import hpa
from edgelpr.models.resnet import ResNetConfig
from edgelpr.plates.format import PlateFormat

SMALL = hpa.HpaConfig(
    "hpa-small",
    backbone=ResNetConfig(depths=(1, 1, 1, 1), stem_width=8, stem_kernel=3, widths=(8, 8, 16, 24)),
    spatial_widths=(8, 8, 16),
    fusion_width=16,
    classifier_width=16,
)
DIGITS = PlateFormat("digits", "0123456789", positions=4, void=True)


def weight(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """A tensor that depends on its name alone: the recipe behind the authors' outputs that tests compare with."""
    draw = np.random.default_rng([20210518, zlib.crc32(name.encode())])
    kind = name.rsplit(".", 1)[-1]
    if kind == "num_batches_tracked":
        return torch.tensor(0)
    if kind == "running_var" or (kind == "weight" and len(shape) == 1):
        values = draw.uniform(0.5, 1.5, shape)
    elif kind in ("running_mean", "bias"):
        values = 0.1 * draw.standard_normal(shape)
    else:
        values = draw.standard_normal(shape) * np.sqrt(1 / np.prod(shape[1:]))
    return torch.from_numpy(np.asarray(values, dtype=np.float32))


def with_weights(network: hpa.Hpa) -> hpa.Hpa:
    """Every parameter and every statistic set, so that nothing cancels by being zero or one."""
    network.load_state_dict({name: weight(name, tuple(tensor.shape)) for name, tensor in network.state_dict().items()})
    return network.eval()


def small_network(plate_format: PlateFormat = DIGITS, classifier: str = "shared") -> hpa.Hpa:
    """The small member of the family."""
    return with_weights(hpa.Hpa(replace(SMALL, classifier=classifier), plate_format))


def noise_crops(count: int, size: tuple[int, int] = (50, 160)) -> np.ndarray:
    """(count, *size) uint8: noise over a gradient."""
    noise = np.random.default_rng(0).integers(0, 128, (count, *size))
    return (noise + np.linspace(0, 127, size[1])).astype(np.uint8)
