"""A bundle's weights as a PyTorch network."""

from __future__ import annotations

from edgelpr.bundle.bundle import Bundle
from edgelpr.errors import BackendError, BundleError, CheckpointError, require
from edgelpr.runtime.backends.torch.runner import TorchRunner
from edgelpr.runtime.decoding import class_mask
from edgelpr.types import Precision

_WEIGHTS = "weights.safetensors"


def load(bundle: Bundle, precision: Precision, threads: int | None) -> TorchRunner:
    """Build the network of a bundle that carries its weights; float32 on the CPU.

    Args:
        bundle: an opened bundle.
        precision: only ``fp32``.
        threads: CPU threads, for this whole process, as PyTorch has it; None leaves them as they are.

    Raises:
        BackendError: another precision than fp32.
        BundleError: the bundle has no weights, or those of another network.
        MissingDependencyError: PyTorch is not installed.
    """
    if precision != "fp32":
        raise BackendError(f"the backend 'torch' computes in fp32 only, not {precision}; choose fp32 or another backend")
    manifest = bundle.manifest
    if _WEIGHTS not in manifest.files:
        raise BundleError(
            f"{bundle.path}: has no {_WEIGHTS}, which the backend 'torch' reads; export again with the weights included"
        )
    torch = require("torch", "export", "the backend 'torch'")
    from edgelpr.models.checkpoint import load_checkpoint

    path = bundle.file(_WEIGHTS)
    try:
        network = load_checkpoint(path, manifest.plate_format)
    except CheckpointError as error:
        raise BundleError(f"{path}: does not fit the bundle ({error}); export it again") from error
    if threads is not None:
        torch.set_num_threads(threads)
    count = torch.get_num_threads()
    description = f"torch {torch.__version__} CPU, {count} thread{'s' if count > 1 else ''}"
    return TorchRunner(torch, network, class_mask(manifest.plate_format), description)
