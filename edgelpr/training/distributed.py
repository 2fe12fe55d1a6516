"""Several processes, started by ``torchrun``, that share the crops of each step and average their gradients.

    torchrun --nproc-per-node 2 -m edgelpr train -o runs/mine ...

PyTorch's DistributedDataParallel does the work: over gloo on processors, over NCCL on GPUs, one GPU a process. Batch
normalisation sees all crops of a step on GPUs (SyncBatchNorm). On processors PyTorch has no such layer: there each
process normalises with its own share, and the running statistics are those of the first process.
"""

from __future__ import annotations

import atexit
import os
import warnings
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from edgelpr.errors import TrainingError
from edgelpr.models.hpa import Hpa


@dataclass(frozen=True)
class Group:
    """This process among those of a run."""

    rank: int = 0
    """Its number, from 0."""

    size: int = 1
    """How many there are."""

    local_rank: int = 0
    """Its number on this machine, which is that of its GPU."""

    @property
    def leads(self) -> bool:
        """Whether it is the one that writes and reports."""
        return self.rank == 0

    def mean(self, values: Tensor) -> Tensor:
        """Mean over all processes of a tensor that each of them gives, the same everywhere."""
        if self.size > 1:
            distributed.all_reduce(values)
            values /= self.size
        return values

    def synchronised(self, network: Hpa, device: torch.device) -> Hpa:
        """The network with batch normalisation over all processes, where PyTorch has it."""
        if self.size == 1 or device.type != "cuda":
            return network
        converted: Hpa = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
        return converted

    def spread(self, network: nn.Module, device: torch.device) -> nn.Module:
        """The network as it is called in training; gradients of what trains now are averaged over all processes."""
        if self.size == 1:
            return network
        # Convolutions of one place have two equal layouts; PyTorch copies one into the other and says so every time.
        warnings.filterwarnings("ignore", message="Grad strides do not match bucket view strides")
        return DistributedDataParallel(network, device_ids=[self.local_rank] if device.type == "cuda" else None)


def join(device: str) -> Group:
    """Join the processes that ``torchrun`` started; a process started otherwise is alone.

    They stay joined until the process ends: PyTorch cannot join the same ones twice, and a process may train twice.

    Raises:
        TrainingError: the device is absent, or there are more processes than GPUs.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    group = Group(int(os.environ.get("RANK", "0")), size, int(os.environ.get("LOCAL_RANK", "0"))) if size > 1 else Group()
    if device == "cuda":
        _choose_gpu(group)
    if size > 1 and not distributed.is_initialized():
        distributed.init_process_group("nccl" if device == "cuda" else "gloo")
        atexit.register(distributed.destroy_process_group)
    return group


def _choose_gpu(group: Group) -> None:
    if not torch.cuda.is_available():
        raise TrainingError("device 'cuda' was asked for, but PyTorch sees no GPU here; use --device cpu")
    if group.local_rank >= torch.cuda.device_count():
        there = torch.cuda.device_count()
        raise TrainingError(f"process {group.local_rank} has no GPU: PyTorch sees {there}; start torchrun with that many")
    torch.cuda.set_device(group.local_rank)
