"""Comparing the tensors of a file with those a network needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch import Tensor

_SHOWN = 12


def describe_mismatch(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> str | None:
    """Say which tensors are missing, surplus or of another shape.

    Args:
        wanted: tensors of the network by name; only their shapes count.
        found: tensors of the file by name.

    Returns:
        One line, a dozen names a kind at most; None where the two agree.
    """
    shared = wanted.keys() & found.keys()
    other_shape = [
        f"{name} {tuple(found[name].shape)}, expected {tuple(wanted[name].shape)}"
        for name in wanted
        if name in shared and wanted[name].shape != found[name].shape
    ]
    lists = {
        "missing": [name for name in wanted if name not in shared],
        "surplus": [name for name in found if name not in shared],
        "of another shape": other_shape,
    }
    parts = [f"{len(names)} {kind}: {shorten(names)}" for kind, names in lists.items() if names]
    return "; ".join(parts) or None


def shorten(names: Iterable[str]) -> str:
    """Names in one line, the first dozen and a count of the rest."""
    listed = list(names)
    rest = len(listed) - _SHOWN
    return ", ".join(listed[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
