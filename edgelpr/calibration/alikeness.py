"""How many different pictures there are among crops: one crop stored or cut anew is still one."""

from __future__ import annotations

from dataclasses import dataclass

from edgelpr.data.checking.alike import groups_alike
from edgelpr.data.checking.looking import difference_hash
from edgelpr.preprocessing.images import Image


@dataclass(frozen=True)
class Alikeness:
    """What crops repeat of each other."""

    crops: int
    """How many there are."""

    groups: tuple[tuple[int, ...], ...]
    """Indices of the crops that show nearly the same picture, two or more in each group, the largest group first."""

    @property
    def pictures(self) -> int:
        """How many different pictures the crops are."""
        return self.crops - sum(len(group) - 1 for group in self.groups)


def alikeness_of(crops: Image) -> Alikeness:
    """Find crops that nearly repeat each other, by the difference hash that `edgelpr check` uses.

    Of 946 real crops at hand one pair is taken for the same picture besides those that are; each of four of them, stored
    as JPEG in 20 qualities and cut by a pixel, counts once.

    Args:
        crops: (N, H, W) uint8, 0 to 255, preprocessed.
    """
    groups = groups_alike([difference_hash(crop) for crop in crops])
    return Alikeness(len(crops), tuple(sorted(map(tuple, groups), key=len, reverse=True)))
