"""Several processes, started by ``torchrun``, that share the crops or tracks of each step and average their gradients.

    torchrun --nproc-per-node 2 -m edgelpr train -o runs/mine ...
    torchrun --nproc-per-node 2 -m edgelpr reproduce aolp ...

PyTorch's DistributedDataParallel does the work: over gloo on processors, over NCCL on GPUs, one GPU a process. Batch
normalisation sees all crops of a step on GPUs (SyncBatchNorm). On processors PyTorch has no such layer: there each
process normalises with its own share, and the running statistics are those of the first process. What that process
does alone stands in ``leading.py``.
"""

from __future__ import annotations

import atexit
import os
import warnings
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from edgelpr.errors import TrainingError

_SET_BY_TORCHRUN = ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
_Network = TypeVar("_Network", bound=nn.Module)
_ADVICE = "start several processes with torchrun, which sets these variables, or unset WORLD_SIZE to train in one"


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

    def synchronised(self, network: _Network, device: torch.device) -> _Network:
        """The network with batch normalisation over all processes, where PyTorch has it."""
        if self.size == 1 or device.type != "cuda":
            return network
        converted: _Network = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
        return converted

    def spread(self, network: nn.Module, device: torch.device) -> nn.Module:
        """The network as it is called in training; gradients of what trains now are averaged over all processes."""
        if self.size == 1:
            return network
        # Convolutions of one place have two equal layouts; PyTorch copies one into the other and says so every time.
        warnings.filterwarnings("ignore", message="Grad strides do not match bucket view strides")
        return DistributedDataParallel(network, device_ids=[self.local_rank] if device.type == "cuda" else None)


def this_process() -> Group:
    """Which process this is, by the variables that ``torchrun`` sets; one that was started otherwise is alone.

    Raises:
        TrainingError: only some of them are set, as some schedulers do, or they are no numbers.
    """
    size = _number("WORLD_SIZE") if "WORLD_SIZE" in os.environ else 1
    if size == 1:
        return Group()
    absent = [name for name in _SET_BY_TORCHRUN if name not in os.environ]
    if absent:
        raise TrainingError(f"WORLD_SIZE is {size}, but {', '.join(absent)} not set; {_ADVICE}")
    _number("MASTER_PORT")
    group = Group(_number("RANK"), size, _number("LOCAL_RANK"))
    if not 0 <= group.rank < size:
        raise TrainingError(f"RANK is {group.rank} and WORLD_SIZE {size}; {_ADVICE}")
    return group


def join(device: str) -> Group:
    """Join the processes that ``torchrun`` started; a process started otherwise is alone.

    They stay joined until the process ends: PyTorch cannot join the same ones twice, and a process may train twice.

    Raises:
        TrainingError: the device is absent, there are more processes than GPUs, or they cannot find each other.
    """
    group = this_process()
    if device == "cuda":
        _choose_gpu(group)
    if group.size > 1 and not distributed.is_initialized():
        try:
            distributed.init_process_group("nccl" if device == "cuda" else "gloo")
        except (ValueError, RuntimeError) as error:
            place = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
            raise TrainingError(f"{group.size} processes could not join at {place} ({error}); {_ADVICE}") from error
        atexit.register(distributed.destroy_process_group)
    return group


def _number(name: str) -> int:
    text = os.environ[name]
    try:
        return int(text)
    except ValueError as error:
        raise TrainingError(f"{name} is {text!r} in the environment, not a whole number; {_ADVICE}") from error


def _choose_gpu(group: Group) -> None:
    if not torch.cuda.is_available():
        raise TrainingError("device 'cuda' was asked for, but PyTorch sees no GPU here; use --device cpu")
    if group.local_rank >= torch.cuda.device_count():
        there = torch.cuda.device_count()
        raise TrainingError(f"process {group.local_rank} has no GPU: PyTorch sees {there}; start torchrun with that many")
    torch.cuda.set_device(group.local_rank)
