"""What a stranger's graph takes, read from the graph alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from edgelpr.errors import UsageError
from edgelpr.preprocessing.images import Image
from edgelpr.types import PeerLayout

_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}
_COLOURS = (1, 3)
_SIZE = re.compile(r"(\d{1,4})x(\d{1,4})$")


@dataclass(frozen=True)
class PeerInput:
    """The one input of a graph that takes pictures."""

    name: str
    """Of the input."""

    dtype: str
    """``float32`` and ``float16`` are given 0 to 1, ``uint8`` 0 to 255."""

    layout: PeerLayout
    """Order of batch, channels, rows and columns."""

    channels: int
    """1 for grey, 3 for colour."""

    height: int
    """Rows."""

    width: int
    """Columns."""

    batch: int | None
    """The one batch size that the graph takes; None: any."""

    def feed(self, crops: NDArray[np.uint8]) -> NDArray[Any]:
        """Grey crops as this graph takes them.

        Args:
            crops: (N, height, width), uint8.
        """
        planes = crops if self.layout == "nhw" else np.repeat(crops[:, None], self.channels, axis=1)
        return self._scaled(planes.transpose(0, 2, 3, 1) if self.layout == "nhwc" else planes)

    def prepare(self, crop: Image) -> NDArray[Any]:
        """One decoded crop resized, its colours kept where the graph takes colour; a batch of one.

        Args:
            crop: (H, W) grey or (H, W, 3) BGR, uint8.
        """
        small = cv2.resize(crop, (self.width, self.height))
        if self.layout == "nhw" or self.channels == 1:
            grey = small if small.ndim == 2 else cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
            return self.feed(np.asarray(grey, np.uint8)[None])
        colour = small if small.ndim == 3 else cv2.cvtColor(small, cv2.COLOR_GRAY2BGR)
        return self._scaled(colour[None] if self.layout == "nhwc" else colour.transpose(2, 0, 1)[None])

    def _scaled(self, placed: NDArray[Any]) -> NDArray[Any]:
        return np.ascontiguousarray(placed if self.dtype == "uint8" else (placed / np.float32(255)).astype(self.dtype))


def parse_peer_size(text: str) -> tuple[int, int]:
    """Width and height from ``94x24``.

    Raises:
        UsageError: anything else.
    """
    match = _SIZE.match(text)
    if match is None or "0" in (match[1].lstrip("0") or "0", match[2].lstrip("0") or "0"):
        raise UsageError(f"--peer-input is {text!r}; expected width x height in pixels, like 94x24")
    return int(match[1]), int(match[2])


def describe_peer_input(
    inputs: list[Any], where: str, size: tuple[int, int] | None = None, layout: PeerLayout | None = None
) -> PeerInput:
    """What a graph takes; nothing that it leaves open is guessed.

    Args:
        inputs: an ONNX Runtime session's, each with ``name``, ``type`` and ``shape``.
        where: the graph's file, for messages.
        size: width and height, where the graph takes any.
        layout: where its shape fits several.

    Raises:
        UsageError: more inputs than one, a type or a shape that is no picture's, or something that is left open.
    """
    if len(inputs) != 1:
        names = ", ".join(str(each.name) for each in inputs)
        raise UsageError(f"{where}: takes {len(inputs)} inputs ({names}); expected one, a picture. Time it as --peer-callable")
    taken = inputs[0]
    if taken.type not in _TYPES:
        raise UsageError(f"{where}: '{taken.name}' is {taken.type}; expected {', '.join(_TYPES)}. Time it as --peer-callable")
    shape = [side if isinstance(side, int) else None for side in taken.shape]
    order = _layout(shape, where, layout)
    sides = dict(zip(order, shape))
    channels = sides.get("c", 1)
    if channels not in _COLOURS:
        raise UsageError(
            f"{where}: '{taken.name}' has the shape {taken.shape}: as {order} {channels} channels; expected 1 or 3"
        )
    if sides["n"] not in (None, 1):
        raise UsageError(f"{where}: takes batches of {sides['n']} alone; expected 1 or any. Time it as --peer-callable")
    height, width = _size(sides["h"], sides["w"], size, where)
    return PeerInput(taken.name, np.dtype(_TYPES[taken.type]).name, order, channels, height, width, sides["n"])


def _layout(shape: list[int | None], where: str, wanted: PeerLayout | None) -> PeerLayout:
    fits: list[PeerLayout] = [
        order for order in get_args(PeerLayout) if len(order) == len(shape) and _colours(shape, order) in (None, *_COLOURS)
    ]
    certain = [order for order in fits if _colours(shape, order) is not None]
    if wanted is not None:
        if wanted not in fits:
            raise UsageError(f"{where}: the shape {shape} is not {wanted}; it could be {' or '.join(fits) or 'no picture'}")
        return wanted
    if not fits:
        raise UsageError(
            f"{where}: the shape {shape} is not a picture's: expected nchw, nhwc or nhw. Time it as --peer-callable"
        )
    if len(certain) != 1:
        raise UsageError(f"{where}: the shape {shape} could be {' or '.join(fits)}; say which with --peer-layout")
    return certain[0]


def _colours(shape: list[int | None], order: str) -> int | None:
    """Channels in this order; 1 where it has none."""
    return shape[order.index("c")] if "c" in order else 1


def _size(height: int | None, width: int | None, size: tuple[int, int] | None, where: str) -> tuple[int, int]:
    if size is None:
        if height is None or width is None:
            raise UsageError(f"{where}: takes pictures of any size; say which with --peer-input WIDTHxHEIGHT")
        return height, width
    if height not in (None, size[1]) or width not in (None, size[0]):
        raise UsageError(f"{where}: takes pictures of {width}x{height} (width x height), not {size[0]}x{size[1]}")
    return size[1], size[0]
