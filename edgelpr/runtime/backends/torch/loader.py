"""A bundle's weights as a PyTorch network."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from edgelpr.bundle.bundle import Bundle
from edgelpr.errors import BackendError, BundleError, CheckpointError, UsageError, require
from edgelpr.runtime.backends.torch.graph_runner import TorchGraphRunner, check_cuda
from edgelpr.runtime.backends.torch.runner import TorchRunner
from edgelpr.runtime.decoding import class_mask
from edgelpr.types import Precision

_WEIGHTS = "weights.safetensors"


def load(bundle: Bundle, precision: Precision, threads: int | None) -> TorchRunner | TorchGraphRunner:
    """Build the network of a bundle that carries its weights: fp32 on the CPU, or fp16 on a GPU, captured in CUDA graphs.

    Args:
        bundle: an opened bundle.
        precision: ``fp32``, the reference, or ``fp16``, for GPUs without TensorRT.
        threads: CPU threads of ``fp32``, for this whole process, as PyTorch has it; None leaves them as they are.

    Raises:
        UsageError: threads for ``fp16``.
        BackendError: another precision, or a bundle that reads tracks.
        DeviceError: fp16, and PyTorch has no GPU.
        BundleError: the bundle has no weights, or those of another network.
        MissingDependencyError: PyTorch is not installed.
    """
    if precision == "int8":
        raise BackendError("the backend 'torch' computes in fp32 and, on a GPU, in fp16, not in int8; choose another backend")
    if precision == "fp16" and threads is not None:
        raise UsageError("threads are for what computes on the processor; leave them out with 'torch' in fp16")
    _check_bundle(bundle)
    torch = require("torch", "export", "the backend 'torch'")
    mask = class_mask(bundle.manifest.plate_format)
    if precision == "fp16":
        check_cuda(torch)
        return TorchGraphRunner(torch, _network(bundle), mask)
    return _on_processor(torch, _network(bundle), mask, threads)


def _check_bundle(bundle: Bundle) -> None:
    if bundle.manifest.frames is not None:
        raise BackendError(
            f"{bundle.path}: reads tracks, and the backend 'torch' reads single crops only; choose another backend"
        )
    if _WEIGHTS not in bundle.manifest.files:
        raise BundleError(
            f"{bundle.path}: has no {_WEIGHTS}, which the backend 'torch' reads; export again with the weights included "
            "(--with-weights)"
        )


def _network(bundle: Bundle) -> Any:
    from edgelpr.models.checkpoint import load_checkpoint

    path = bundle.file(_WEIGHTS)
    try:
        return load_checkpoint(path, bundle.manifest.plate_format)
    except CheckpointError as error:
        raise BundleError(f"{path}: does not fit the bundle ({error}); export it again") from error


def _on_processor(torch: ModuleType, network: Any, mask: Any, threads: int | None) -> TorchRunner:
    if threads is not None:
        torch.set_num_threads(threads)
    count = torch.get_num_threads()
    description = f"torch {torch.__version__} CPU, {count} thread{'s' if count > 1 else ''}"
    return TorchRunner(torch, network, mask, description)
