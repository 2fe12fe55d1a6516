"""Exponential moving average of a network's weights."""

from __future__ import annotations

import copy
from typing import Generic, TypeVar

import torch
from torch import nn

_Network = TypeVar("_Network", bound=nn.Module)


class Average(Generic[_Network]):
    """A smoothed copy of a network; early steps are averaged less, so that the start is forgotten soon.

    Args:
        network: the one being trained.
        decay: 0 to 1; 0 keeps a plain copy.
    """

    def __init__(self, network: _Network, decay: float) -> None:
        self.network: _Network = copy.deepcopy(network).eval().requires_grad_(False)
        self._decay = decay

    def restart(self, network: _Network) -> None:
        """Forget what was averaged and begin with these weights."""
        self.network.load_state_dict(network.state_dict())

    @torch.no_grad()
    def update(self, network: _Network, step: int) -> None:
        """Move towards the network's weights after step number ``step``, counted from 0 or from the last restart."""
        decay = min(self._decay, (1 + step) / (10 + step))
        pairs = zip(self.network.state_dict().values(), network.state_dict().values())
        for ours, theirs in pairs:
            if ours.is_floating_point():
                ours.lerp_(theirs, 1 - decay)
            else:
                ours.copy_(theirs)
