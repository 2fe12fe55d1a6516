"""What networks read, kept in a folder, so that a run that is stopped, or gets another network, reads only what is new."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from edgelpr.data.writing import write_file

Arrays = Mapping[str, NDArray[np.float32]]

_VERSION = 1
"""Goes up when the same tracks and weights are read in another way."""


class Kept:
    """Arrays by what they were made from.

    Args:
        folder: made when it is needed; None keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def get(self, made_from: Sequence[str], make: Callable[[], Arrays]) -> Arrays:
        """What was kept, or made now and kept.

        Args:
            made_from: hashes and words that decide every value.
            make: called where nothing was kept, or what was is damaged.

        Raises:
            DataError: it cannot be written.
        """
        if self._folder is None:
            return make()
        key = hashlib.sha256("\t".join([str(_VERSION), *made_from]).encode()).hexdigest()[:24]
        path = self._folder / f"{key}.npz"
        try:
            with np.load(path) as found:
                return {name: found[name] for name in found.files}
        except (OSError, ValueError, BadZipFile, EOFError):
            made = make()
        content = io.BytesIO()
        np.savez(content, **cast(Any, made))
        write_file(path, content.getvalue())
        return made
