"""A pool of rendered plates on the disk: drawn once, then taken in turn.

Rendering a plate costs about as much as a small network's step with it. With ``pool: 200000`` in a recipe, or
``--pool 200000``, sample n is plate n modulo the pool's size: the first pass fills the pool, later ones read it and
vary each crop a little. The file lies in the run's folder; ``--pool-folder DIR`` shares it between runs and networks,
also at the same time. It is about 8 KB a plate at 50x160.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgelpr.errors import TrainingError
from edgelpr.plates.format import PlateFormat
from edgelpr.training.rendered import Drawn, RenderedSource
from edgelpr.training.varying import vary_pooled

_CHECK_BYTES = 4
_VARIATION = 2


class PlatePool:
    """Rendered samples kept in a file of equal slots.

    What a slot holds depends on its number alone, so any process may fill any slot, even two at once. A slot counts
    as filled when its checksum fits: one that a crash or a power cut left half-written is drawn again.

    Args:
        source: draws what is not there yet.
        seed: of the run; decides the variations.
        size: number of slots, at least 1.
        folder: of the file, created when absent. Pools of other plates in it have other names.

    Raises:
        TrainingError: the folder cannot be used, or the disk has no room for the whole pool.
    """

    def __init__(self, source: RenderedSource, seed: int, size: int, folder: Path) -> None:
        self._source, self._seed, self._size = source, seed, size
        height, width = source.plate_format.height_width
        positions = source.plate_format.positions
        # One slot; the checksum is over all that stands before it.
        self._slot = np.dtype(
            [
                ("crop", "u1", (height, width)),
                ("classes", "<i2", (positions,)),
                ("boxes", "<f4", (positions, 4)),
                ("check", "<u4"),
            ]
        )
        name = hashlib.sha256(f"{source.identity()} {size}".encode()).hexdigest()[:16]
        self.path = folder / f"rendered-{name}.pool"
        """The file."""
        self._descriptor: int | None = None
        self._prepare(folder)

    @property
    def plate_format(self) -> PlateFormat:
        """What may stand on the plates."""
        return self._source.plate_format

    def take(self, number: int) -> Drawn:
        """The sample of that number: as rendered in the first pass, a variation of it in the later ones.

        Raises:
            TrainingError: the file cannot be read or written, for example because the disk is full.
        """
        drawn = self._stored(number % self._size)
        if number < self._size:
            return drawn
        crop, boxes = vary_pooled(drawn.crop, drawn.boxes, np.random.default_rng((self._seed, number, _VARIATION)))
        return Drawn(crop, drawn.classes, boxes)

    def _stored(self, slot: int) -> Drawn:
        try:
            content = os.pread(self._open(), self._slot.itemsize, slot * self._slot.itemsize)
            if not self._is_filled(content):
                content = self._filled(self._source.take(slot))
                self._write(content, slot * self._slot.itemsize)
        except OSError as error:
            raise TrainingError(
                f"{self.path}: the pool of rendered plates cannot be used ({error.strerror or error}); free some space "
                "and start again to go on, or choose another --pool-folder"
            ) from error
        values = np.frombuffer(bytearray(content), self._slot)[0]  # writable, as PyTorch wants it
        return Drawn(values["crop"], values["classes"], values["boxes"])

    def _is_filled(self, content: bytes) -> bool:
        whole = len(content) == self._slot.itemsize
        return whole and zlib.crc32(content[:-_CHECK_BYTES]) == int.from_bytes(content[-_CHECK_BYTES:], "little")

    def _filled(self, drawn: Drawn) -> bytes:
        values: NDArray[np.void] = np.zeros((), self._slot)
        for name, array in drawn._asdict().items():
            values[name] = array
        body = values.tobytes()[:-_CHECK_BYTES]
        return body + zlib.crc32(body).to_bytes(_CHECK_BYTES, "little")

    def _write(self, content: bytes, place: int) -> None:
        # A call, not a memory map: on a full disk the call fails with a message, the map ends the process.
        written = os.pwrite(self._open(), content, place)
        if written < len(content):
            raise OSError(None, "the disk took only a part")

    def _open(self) -> int:
        if self._descriptor is None:
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
        return self._descriptor

    def _prepare(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            there = os.fstat(self._open()).st_blocks * 512  # slots not written yet take no room
            free = shutil.disk_usage(folder).free
        except OSError as error:
            raise TrainingError(f"{folder}: cannot hold a pool of plates ({error.strerror or error})") from error
        missing = self._size * self._slot.itemsize - there
        if missing > free:
            wanted = f"needs {missing / 1e9:.1f} GB more and {free / 1e9:.1f} GB are free"
            raise TrainingError(f"{self.path}: a pool of {self._size} plates {wanted}; use a smaller --pool or another folder")

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_descriptor": None}  # another process opens the file itself

    def __del__(self) -> None:
        descriptor = self.__dict__.get("_descriptor")
        if descriptor is not None:
            os.close(descriptor)
