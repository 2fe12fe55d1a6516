"""One picture that was stored anew, under another label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

from edgelpr.data.checking.alike import joined
from edgelpr.data.checking.findings import Finding
from edgelpr.data.checking.looking import THUMBNAIL_SIZE, Look
from edgelpr.data.checking.repeated import parts_shown, where

# Ours, measured on four sets of real crops. Stored anew as JPEG of quality 60 to 92, or scaled by a fifth too, 98 in 100 differ
# by less; with one character replaced by its neighbour, all differ by more.
_DIFFERENCE = 0.3  # largest difference between two thumbnails after smoothing, in standard deviations of grey levels
_BRIGHTNESS = 2.0  # mean grey levels by which storing a picture anew may change it
_CONTRAST = 8.0  # standard deviation of grey levels below which a thumbnail shows too little to know a picture again
_BLOCKS = tuple(0xFFFF << shift for shift in (0, 16, 32, 48))

_Indices = NDArray[np.intp]
_Bits = NDArray[np.uint64]


def relabelled_pictures(looks: Sequence[Look]) -> Iterator[Finding]:
    """A finding for each picture that is there in several versions, stored or scaled anew, with different labels.

    Plates of one layout look alike from afar: their outlines have to agree but for 2 bits, and their thumbnails everywhere.
    """
    kept = [look for look in looks if look.error is None and _thumbnail(look).std() >= _CONTRAST]
    for group in joined(_same(kept)):
        versions = [kept[index] for index in group]
        plates = " and ".join(sorted({look.crop.plate for look in versions}))
        what = f"the same picture, stored anew, is labelled {plates} ({where(parts_shown(versions))})"
        files = tuple(look.crop.path for look in versions)
        yield Finding("error", "contradiction", files, what, "keep one of them, with the right label")


def _same(looks: Sequence[Look]) -> Iterator[tuple[int, int]]:
    """Pairs of crops with different labels that show one picture in two versions; identical ones are found elsewhere."""
    labels = np.unique([look.crop.plate for look in looks], return_inverse=True)[1]
    outlines = np.array([look.outline for look in looks], dtype=np.uint64)
    brightness = np.array([_thumbnail(look).mean() for look in looks])
    for one, other in _candidates(outlines, brightness):
        near = (labels[one] != labels[other]) & _within_2_bits(outlines[one] ^ outlines[other])
        for first, second in zip(one[near].tolist(), other[near].tolist()):
            if looks[first].digest != looks[second].digest and _agree(_thumbnail(looks[first]), _thumbnail(looks[second])):
                yield first, second


def _candidates(outlines: _Bits, brightness: NDArray[np.float64]) -> Iterator[tuple[_Indices, _Indices]]:
    """Pairs of about one brightness whose outlines agree in two of four blocks, as all within 2 bits do.

    Crops are sorted by the two blocks, then by brightness; each is paired with its next, its next but one and so on, as
    long as these fit. So time grows with the number of such pairs, not with that of all pairs.
    """
    for blocks in combinations(_BLOCKS, 2):
        keys = outlines & np.uint64(sum(blocks))
        order = np.lexsort((brightness, keys))
        first, step = np.arange(len(order)), 0
        while len(first):
            step += 1
            first = first[first + step < len(order)]
            one, other = order[first], order[first + step]
            fits = (keys[one] == keys[other]) & (brightness[other] - brightness[one] <= _BRIGHTNESS)
            first = first[fits]
            yield one[fits], other[fits]


def _within_2_bits(bits: _Bits) -> NDArray[np.bool_]:
    """Whether at most two are set; ``x & (x - 1)`` takes the lowest away."""
    one = np.uint64(1)
    for _ in range(2):
        bits = bits & (bits - np.minimum(bits, one))
    return np.asarray(bits == 0)


def _agree(first: NDArray[np.float32], second: NDArray[np.float32]) -> bool:
    difference = first - second
    smooth = cv2.blur(difference - difference.mean(), (3, 3))  # storing anew moves single pixels, another character many
    return float(np.abs(smooth).max()) <= _DIFFERENCE * float(min(first.std(), second.std()))


def _thumbnail(look: Look) -> NDArray[np.float32]:
    width, height = THUMBNAIL_SIZE
    return np.frombuffer(look.thumbnail, dtype=np.uint8).reshape(height, width).astype(np.float32)
