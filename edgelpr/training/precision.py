"""Half precision where it is safe."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.amp.grad_scaler import GradScaler


@dataclass(frozen=True)
class Arithmetic:
    """In which type a network computes while it trains; weights and losses stay float32."""

    device: str
    """``cpu`` or ``cuda``."""

    dtype: torch.dtype
    """float32, bfloat16 or float16."""

    @classmethod
    def of(cls, half: bool, device: str) -> Arithmetic:
        """bfloat16 where the device computes with it, else float16 on a GPU; float32 unless half is wanted."""
        return cls(device, _half_type(device) if half else torch.float32)

    def autocast(self) -> torch.autocast:
        """Context in which layers run in that type."""
        half = self.dtype is not torch.float32
        return torch.autocast(self.device, dtype=self.dtype if half else None, enabled=half)

    def scaler(self) -> GradScaler:
        """Scales gradients so that float16 does not lose the small ones; does nothing for the other types."""
        return GradScaler(self.device, enabled=self.dtype is torch.float16)


def _half_type(device: str) -> torch.dtype:
    # Emulation is slower than float32, so it does not count.
    if device == "cpu" or torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.bfloat16
    return torch.float16
