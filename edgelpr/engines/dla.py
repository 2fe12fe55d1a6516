"""The Deep Learning Accelerator of Orin NX and AGX Orin: what can run there does, the GPU computes the rest."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from edgelpr.errors import BuildError, UsageError
from edgelpr.types import EngineBackend, Precision


def refuse_dla(backend: EngineBackend, precision: Precision) -> None:
    """Refuse what no DLA does, whichever board this is.

    Raises:
        UsageError: TensorRT-RTX, or fp32.
    """
    if backend == "tensorrt-rtx":
        raise UsageError("--dla: TensorRT-RTX is for desktop GPUs, which have no DLA; leave --dla out")
    if precision == "fp32":
        raise UsageError("--dla: a DLA computes in fp16 and int8 only; choose --precision fp16 or int8")


def use_dla(module: ModuleType, builder: Any, network: Any, config: Any, core: int, batch: int, where: str) -> str:
    """Let a DLA core compute what it can.

    Args:
        module: TensorRT.
        builder: knows how many cores there are.
        network: the parsed graph.
        config: is changed.
        core: number of the core, from 0.
        batch: the one batch size of the engine.
        where: the graph's file, for messages.

    Returns:
        A note of how many layers run there.

    Raises:
        BuildError: no such core, an input of bytes, too large a batch, or no layer that a DLA can compute.
    """
    _check(module, builder, network, core, batch, where)
    config.default_device_type = module.DeviceType.DLA
    config.DLA_core = core
    config.set_flag(module.BuilderFlag.GPU_FALLBACK)
    layers = [network.get_layer(index) for index in range(network.num_layers)]
    able = sum(bool(config.can_run_on_DLA(layer)) for layer in layers)
    if able == 0:
        raise BuildError(f"{where}: none of its {len(layers)} layers can run on a DLA; leave --dla out")
    return f"DLA core {core} computes {able} of {len(layers)} layers, the GPU the rest"


def _check(module: ModuleType, builder: Any, network: Any, core: int, batch: int, where: str) -> None:
    cores, largest = int(builder.num_DLA_cores), int(builder.max_DLA_batch_size)
    if cores == 0:
        raise BuildError("--dla: this machine has no DLA; Orin NX and AGX Orin have one. Leave --dla out")
    if core >= cores:
        raise BuildError(f"--dla {core}: this machine has the DLA cores {', '.join(map(str, range(cores)))}; choose one")
    if batch > largest:
        raise BuildError(f"--batch {batch}: this DLA takes {largest} crops at most")
    tensor = network.get_input(0)
    if tensor.dtype == module.DataType.UINT8:
        raise BuildError(
            f"{where}: takes crops as bytes, which a DLA cannot; leave --dla out, or export a bundle that takes numbers, with "
            "'edgelpr export --no-rewrite decode' (not for iq-stan), and build that"
        )
