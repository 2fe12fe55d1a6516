"""Device and page-locked memory of the CUDA stand-in: every access must lie within one block that is alive.

Device addresses are made up and never used twice. Page-locked memory is numpy's; freed blocks are kept, so that their
addresses do not come back and a late use is always seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from edgelpr.cuda.failures import out_of_memory

_FIRST_ADDRESS = 0xA00_0000_0000
_ALIGNMENT, _GAP, _PAGE = 256, 4096, 4096
_UNDEFINED, _FREED = 0xCD, 0xDD

Side = Literal["host", "device"]
"""Who uses an address: mapped memory has another one for each."""


@dataclass(eq=False)
class Block:
    """One allocation."""

    buffer: np.ndarray
    """(size,), uint8."""
    host: int | None
    """Address for the host; None: device memory."""
    device: int | None
    """Address for the device; None: page-locked memory that is not mapped."""
    alive: bool = True

    @property
    def kind(self) -> str:
        """``device`` or ``pinned``."""
        return "device" if self.host is None else "pinned"

    @property
    def address(self) -> int:
        """What it is freed by."""
        return self.device if self.host is None else self.host

    def offset(self, address: int, side: Side) -> int | None:
        """Where an address lies in the block, or in a gap behind it, which tells an overrun; None: elsewhere."""
        start = self.host if side == "host" else self.device
        return None if start is None or not 0 <= address - start < len(self.buffer) + _GAP // 2 else address - start

    def __str__(self) -> str:
        return f"{self.kind} memory of {len(self.buffer)} bytes at {self.address:#x}"


@dataclass(frozen=True)
class Span:
    """Bytes within one block."""

    block: Block
    start: int
    size: int

    @property
    def bytes(self) -> np.ndarray:
        """(size,), a view."""
        assert self.block.alive, f"use after free: {self.block}"
        return self.block.buffer[self.start : self.start + self.size]

    def overlaps(self, other: Span) -> bool:
        """Whether they share a byte."""
        return self.block is other.block and self.start < other.start + other.size and other.start < self.start + self.size


class Memory:
    """All allocations, living and freed.

    Args:
        total: bytes of the device.
        shared: whether page-locked memory counts towards it, as on integrated GPUs.
    """

    def __init__(self, total: int, shared: bool) -> None:
        self.total, self._shared = total, shared
        self._blocks: list[Block] = []
        self._next = _FIRST_ADDRESS

    @property
    def alive(self) -> list[Block]:
        """Blocks that were not freed."""
        return [block for block in self._blocks if block.alive]

    @property
    def free(self) -> int:
        """Bytes left on the device."""
        counted = [block for block in self.alive if block.kind == "device" or self._shared]
        return self.total - sum(len(block.buffer) for block in counted)

    def allocate(self, size: int) -> Block:
        """A block on the device, filled with rubbish."""
        self._make_room(size, "device")
        return self._keep(Block(np.full(size, _UNDEFINED, np.uint8), None, self._reserve(size)))

    def allocate_pinned(self, size: int, mapped: bool) -> Block:
        """A page-locked block at the start of a page, filled with rubbish."""
        self._make_room(size if self._shared else 0, "page-locked")
        room = np.full(size + 2 * _PAGE, _UNDEFINED, np.uint8)
        buffer = room[-room.ctypes.data % _PAGE :][:size]
        return self._keep(Block(buffer, buffer.ctypes.data, self._reserve(size) if mapped else None))

    def release(self, block: Block) -> None:
        """Free a block and spoil its bytes."""
        block.buffer[:] = _FREED
        block.alive = False

    def block(self, address: int, kind: str) -> Block:
        """What was allocated at an address, to be freed."""
        block = next((block for block in self._blocks if block.address == address), None)
        assert block is not None, f"free of {address:#x}, where nothing was allocated"
        assert block.kind == kind, f"{block} freed as {kind}"
        assert block.alive, f"double free: {block}"
        return block

    def span(self, address: int, size: int, side: Side) -> Span:
        """The bytes at an address as the host or the device uses it."""
        assert size > 0, f"an access of {size} bytes"
        other: Side = "device" if side == "host" else "host"
        for block in self._blocks:
            assert block.offset(address, other) is None, f"{address:#x} is an address for the {other}, not the {side}: {block}"
            offset = block.offset(address, side)
            if offset is not None:
                assert block.alive, f"use after free: {block}"
                assert offset + size <= len(block.buffer), f"overrun: {size} bytes from byte {offset} of {block}"
                return Span(block, offset, size)
        raise AssertionError(f"{address:#x} is in no memory that was allocated here; is it pageable host memory?")

    def _make_room(self, size: int, kind: str) -> None:
        if size > self.free:
            raise out_of_memory(size, kind, self.free, self.total)

    def _keep(self, block: Block) -> Block:
        self._blocks.append(block)
        return block

    def _reserve(self, size: int) -> int:
        address = self._next
        self._next += -(-(size + _GAP) // _ALIGNMENT) * _ALIGNMENT
        return address
